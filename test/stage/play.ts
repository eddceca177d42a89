import { join } from 'node:path';
import { styleText } from 'node:util';
import { account, accountLine } from './account.ts';
import { makeFolder } from './folder.ts';
import { writeRecords } from './records.ts';
import type { Message } from './slack/slack.ts';
import { startStage } from './stage.ts';
import { startTraffic } from './traffic.ts';

const SCALE = 6;
const REQUESTS_PER_SECOND = 20;
/** So many at least, for the account to say something. */
const VISITS = 1_100;
const MOST_MINUTES = 5;

const say = (text = ''): void => console.log(text);
const aside = (text: string): void => say(styleText('dim', text));

/**
 * Plays a deploy of the sample app under traffic, prints what people read as it comes, and accounts for it from records
 * alone, which are left in `record` when it is given. Gives the status to end with.
 */
export async function play(record: string | undefined): Promise<number> {
  const folder = await makeFolder();
  const recordDir = record ?? join(folder.dir, 'records');
  const records = writeRecords(recordDir);
  aside('Starting Postgres, the local Heroku, GitHub and Slack, and the bot …');
  const stage = await startStage({
    scale: SCALE,
    channels: ['shop'],
    onHeroku: records.heroku,
    onSlack: records.slack,
  });
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopping ??= stage.stop().then(folder.remove);
    return stopping;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop().then(() => process.exit(130)));
  }
  try {
    const shop = await stage.addShop('shop');
    aside(`Heroku ${stage.heroku.url} · shop ${shop.runtime.url}/ · ${REQUESTS_PER_SECOND} visitors a second`);
    aside(`A minute of Heroku's windows lasts ${60 / SCALE} s here; everything else takes its real time.\n`);
    stage.slack.on('change', ({ kind, message }) => print(kind, message));

    const visitors = { url: `${shop.runtime.url}/`, perSecond: REQUESTS_PER_SECOND };
    const traffic = startTraffic({ ...visitors, onVisit: records.visit });
    const ann = stage.slack.person('ann');
    say(`${styleText('bold', 'ann')} /deploy shop\n`);
    await ann.types('/deploy shop', { channel: '#shop' });
    await ann.presses('Start');
    aside('ann presses Start\n');
    await stage.slack.channel('#shop').shows(/^\*Receipt\*$/m, { withinMs: MOST_MINUTES * 60_000 });
    // Visitors go on for a while: what a deploy breaks it may break late.
    const enough = Math.max(VISITS, traffic.sent + 5 * REQUESTS_PER_SECOND);
    while (traffic.sent < enough) await new Promise(next => setTimeout(next, 100));
    await traffic.stop();
    await records.close();

    const found = await account(recordDir);
    say('\nWhat it was like for visitors:');
    for (const { release, count, first, last } of found.answers) {
      say(`  ${release}: ${count} answers, the first at ${first.toFixed(1)} s, the last at ${last.toFixed(1)} s`);
    }
    await stop();
    say(accountLine(found));
    const good =
      found.failed === 0 &&
      found.requests >= 1000 &&
      found.windowSeconds >= 20 &&
      found.announcedAfterSwitchSeconds >= 0;
    return good ? 0 : 1;
  } catch (error) {
    console.error(error);
    console.error(stage.bot.log.slice(-5_000));
    await stop();
    return 1;
  }
}

/** New messages whole; an edit of the root message by its state alone. */
function print(kind: string, message: Message): void {
  if (!message.byBot || kind === 'deleted') return;
  const where = message.inThreadOf ? '    ' : '';
  if (kind === 'edited' && !message.buttons().length && !/Receipt/.test(message.plain)) {
    aside(`${where}(edited) ${message.plain.split('\n')[0]}\n`);
    return;
  }
  const about = [message.onlyTo && `only ${message.onlyTo} sees this`, message.broadcast && 'also in the channel'];
  const marks = about.filter(Boolean).join(', ');
  const head = styleText('cyan', `${message.who}${marks ? ` (${marks})` : ''}${kind === 'edited' ? ' (edited)' : ''}`);
  const buttons = message.buttons().map(({ label }) => styleText('inverse', ` ${label} `));
  const text = [head, message.plain, ...(buttons.length > 0 ? [buttons.join('  ')] : [])].join('\n');
  say(`${text.replaceAll(/^/gm, where)}\n`);
}
