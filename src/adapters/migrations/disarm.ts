import { writeSync } from 'node:fs';

// Comes before any code that is not ours: what Node's --permission leaves open to it, and the way back to the bot.

// Signals reach every process of the same user: the bot could be ended, or its inspector opened.
for (const name of ['kill', '_kill', '_debugProcess', '_debugEnd', '_startProfilerIdleNotifier'])
  Object.defineProperty(process, name, { value: undefined, configurable: false });

const descriptor = 3;

/** One line of JSON to the bot. At once: what follows may never end. */
export function tell(message: object): void {
  writeSync(descriptor, `${JSON.stringify(message)}\n`);
}

/** Nobody is left to hear us once the bot is gone: then we end too, and with us the connection and its lock. */
export function endWithTheBot(): void {
  process.stdin.once('end', () => process.exit(1)).once('close', () => process.exit(1));
}
