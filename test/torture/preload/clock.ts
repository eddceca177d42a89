// Makes the wall clock of the bot's process jump when torture tells it to. Stopwatches and timers go on, as they do when
// the clock of a computer is set.

const RealDate = Date;
let aheadMs = 0;

class JumpingDate extends RealDate {
  constructor(...given: [] | ConstructorParameters<typeof RealDate>) {
    if (given.length === 0) super(RealDate.now() + aheadMs);
    else super(...(given as ConstructorParameters<typeof RealDate>));
  }

  static override now(): number {
    return RealDate.now() + aheadMs;
  }
}

globalThis.Date = JumpingDate as unknown as DateConstructor;
process.on('message', (told: { aheadMs?: number }) => {
  if (told.aheadMs !== undefined) aheadMs = told.aheadMs;
});
// A listener would keep every process alive that this is loaded into.
process.channel?.unref();
