import { describe, expect, it } from 'vitest';
import { mention, onlyTalks } from '../commands/thread.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { whatToSay } from '../views/thread-help.ts';
import { BoltRig } from './bolt-rig.ts';
import { deploys } from './sample-deploys.ts';

const shop = deploys['old code still serving'];

/** What came of words to the bot in the thread of shop's deploy: the presses that were made, and what was answered. */
async function said(text: string): Promise<{ pressed: unknown[]; answer: string }> {
  const { bot } = new BoltRig();
  const pressed: unknown[] = [];
  bot.deployAt = async () => shop;
  bot.click = async ({ kind, reason }) => {
    pressed.push(reason === undefined ? kind : `${kind}: ${reason}`);
    return { answer: 'Taken.' };
  };
  const talked = { user: 'U0ANN', channel: 'C1', thread: '1.1', text: `<@U0BOT> ${text}`, id: '1' };
  const answer = await mention(bot, talked).then(
    told => told?.text ?? '',
    error => {
      if (!(error instanceof Refusal)) throw error;
      return error.reasons.join(' ');
    },
  );
  return { pressed, answer };
}

describe('in the thread of a deploy', () => {
  it.each([
    ['cancel', 'cancel'],
    ['Stop it!', 'cancel'],
    ['please cancel this deploy.', 'cancel'],
    ['cancel shop', 'cancel'],
    ['abort now', 'cancel'],
    ['stop deploy', 'cancel'],
    ['Cancel, please', 'cancel'],
    ['Please, cancel this now.', 'cancel'],
    ['rollback', 'roll back'],
    ['roll back please', 'roll back'],
    ['go on', 'go on'],
    ['continue', 'go on'],
    ['open it', 'open'],
    ['try again', 'try again'],
    ['end here', 'end here'],
    ['keep it', 'keep it'],
    ['keep it: the errors are a bot’s', 'keep it: the errors are a bot’s'],
    ['hold: the report reads it', 'hold: the report reads it'],
    ['Hold it because the report reads it', 'hold: the report reads it'],
    ['hold it: too risky', 'hold: too risky'],
    ['hold this: too risky', 'hold: too risky'],
    ['hold the deploy: too risky', 'hold: too risky'],
    ['hold it, because the report reads it', 'hold: the report reads it'],
    ['it serves - I looked: v42', 'it serves: I looked: v42'],
    ['old code is gone: `heroku ps` shows none', 'old code is gone: heroku ps shows none'],
  ])('%j is taken', async (text, press) => {
    expect(onlyTalks(`<@U0BOT> ${text}`)).toBe(false);
    expect((await said(text)).pressed).toEqual([press]);
  });

  it.each([
    ['cancel billing', /about billing.* of shop.*Nothing was done.*`\/deploy cancel billing`/],
    ['stop billing', /about billing.* of shop/],
    ['stop billing, please', /about billing.*`\/deploy cancel billing`/],
    ['please abort billing now!', /about billing.*`\/deploy cancel billing`/],
    ['rollback billing v41', /`\/deploy rollback billing v41`/],
    ['rollback shop v41', /Slash commands do not work in threads.*`\/deploy rollback shop v41`/],
    ['roll back billing', /about billing/],
    ['open billing', /Nothing was done.*on this deploy of shop, say just `open`/],
    ['status billing', /`\/deploy status billing`/],
    ['lock shop for 2h we look', /`\/deploy lock shop for 2h we look`/],
    ['open question: is the migration fine?', /Nothing was done.*`open`/],
    ['open: is it?', /Nothing was done.*`open`/],
    ['hold on, let me look', /Nothing was done.*`hold: REASON`/],
    ['hold-on', /Nothing was done.*`hold: REASON`/],
    ['hold it, not today', /Nothing was done.*`hold: REASON`/],
    ['continue watching the errors', /Nothing was done.*`go on`/],
    ['continue watching', /Nothing was done.*`go on`/],
    ['stop worrying, all is fine', /Nothing was done.*`cancel`/],
    ['hold item: 3', /Nothing was done.*`hold: REASON`/],
    ['cancel, but not now', /Nothing was done.*`cancel`/],
    ['keep it simple', /Nothing was done.*`keep it`/],
    ['it serves coffee too', /Nothing was done.*`it serves: REASON`/],
    ['cancel?', /Nothing was done.*`cancel`/],
    ['hold', /Say why.*`@Switchover hold: we looked at the log of shop`/],
    ['it serves:', /Say why/],
    ['old code is gone because', /Say why/],
  ])('%j is no press, and is answered', async (text, answer) => {
    const told = await said(text);
    expect(told.pressed).toEqual([]);
    expect(told.answer).toMatch(answer);
  });

  it('words that are none of these are met with what can be said, and how a reason is put', async () => {
    const { text } = whatToSay(shop);
    expect(text).toContain('hold: REASON');
    expect((await said('good morning')).answer).toBe(text);
    const now = (await said('how is it?')).answer;
    expect(now).not.toBe(text);
    for (const asked of ['status', 'Status?', 'status shop']) expect((await said(asked)).answer).toBe(now);
  });
});
