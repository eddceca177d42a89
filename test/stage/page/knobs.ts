import type { BotProcess } from '../bot.ts';
import type { LocalHeroku } from '../heroku/heroku.ts';
import type { Knob } from './shapes.ts';

const SLOW_BOOT_MS = 20_000;
/** What the bot reads most, and changes. */
const CALLS = ['GET /releases', 'GET /releases/*', 'GET /builds/*', 'GET /dynos', 'GET /formation', 'POST /releases'];
const FAILURES = 3;

/** Makes trouble on the stage, or takes it back. */
export async function turn(
  { bot, heroku }: { bot: BotProcess; heroku: LocalHeroku },
  knob: Knob,
  app: string,
  on: boolean,
): Promise<void> {
  const found = heroku.platform.find(app);
  const knobs = found?.runtime.knobs;
  switch (knob) {
    case 'kill the bot':
      return bot.end('SIGKILL');
    case 'start the bot':
      return bot.running ? undefined : bot.start();
    case 'crash new code':
      // A rollback to what runs now is to succeed.
      if (knobs) knobs.onlyBoots = on ? (found?.current?.slug?.id ?? null) : null;
      return;
    case 'slow boot':
      if (knobs) knobs.bootDelayMs = on ? SLOW_BOOT_MS : 0;
      return;
    case 'heroku 503':
      for (const call of CALLS) heroku.fails(call, { status: 503, times: FAILURES });
      return;
    default:
      knob satisfies never;
  }
}
