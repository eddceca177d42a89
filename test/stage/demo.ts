import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs, styleText } from 'node:util';
import { account, accountLine } from './account.ts';
import { makeFolder } from './folder.ts';
import { writeRecords } from './records.ts';
import type { Message } from './slack/slack.ts';
import { startStage } from './stage.ts';
import { startTraffic } from './traffic.ts';

// `npm run demo`: the real bot between a local Heroku and a local Slack. Plays a deploy under traffic, prints what people
// read as it comes, and accounts for it from records alone. Then the keyboard is a person's.

const SCALE = 6;
const REQUESTS_PER_SECOND = 20;
/** So many at least, for the account to say something. */
const VISITS = 1_100;
const MOST_MINUTES = 5;

const { values } = parseArgs({
  options: { headless: { type: 'boolean', default: false }, record: { type: 'string' } },
});
const folder = await makeFolder();
const recordDir = values.record ?? join(folder.dir, 'records');
const records = writeRecords(recordDir);
const say = (text = ''): void => console.log(text);
const aside = (text: string): void => say(styleText('dim', text));

aside('Starting Postgres, the local Heroku, GitHub and Slack, and the bot …');
const stage = await startStage({ scale: SCALE, channels: ['shop'], onHeroku: records.heroku, onSlack: records.slack });
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

  const traffic = startTraffic({ url: `${shop.runtime.url}/`, perSecond: REQUESTS_PER_SECOND, onVisit: records.visit });
  const ann = stage.slack.person('ann');
  await types('/deploy shop');
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
  const line = accountLine(found);
  if (values.headless) {
    await stop();
    say(line);
    const good =
      found.failed === 0 &&
      found.requests >= 1000 &&
      found.windowSeconds >= 20 &&
      found.announcedAfterSwitchSeconds >= 0;
    process.exit(good ? 0 : 1);
  }
  say(line);
  await atTheKeyboard();
  await stop();
} catch (error) {
  console.error(error);
  console.error(stage.bot.log.slice(-5_000));
  await stop();
  process.exit(1);
}

async function types(words: string): Promise<void> {
  say(`${styleText('bold', 'ann')} ${words}\n`);
  await stage.slack.person('ann').types(words, { channel: '#shop' });
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

/** Lines starting with a slash are typed in Slack by ann; `press LABEL` presses a button. */
async function atTheKeyboard(): Promise<void> {
  say('\nYou are ann now. Try: /deploy shop next · press Start · /deploy · quit');
  const keyboard = createInterface({ input: process.stdin, output: process.stdout });
  for await (const line of keyboard) {
    const words = line.trim();
    if (words === 'quit' || words === 'exit') break;
    try {
      if (words.startsWith('/')) await types(words);
      else if (words.startsWith('press ')) await stage.slack.person('ann').presses(words.slice(6), { withinMs: 500 });
      else if (words) say('Say a command, such as /deploy shop next, or: press Start · quit');
    } catch (error) {
      say(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  }
  keyboard.close();
}
