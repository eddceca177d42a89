import { expect, it } from 'vitest';
import { redacting } from '../src/domain/redaction.ts';
import { troubleIn } from '../src/trouble.ts';
import { deployOf } from './sample-deploys.ts';

const error = new Error('auth failed for "correct horse battery" with HRKU-of-the-bot');
const ask = {
  ledger: { deploy: async () => deployOf([]) },
  heroku: { configSeen: async () => [{ name: 'PHRASE', value: 'correct horse battery' }] },
  redact: redacting([{ name: null, value: 'HRKU-of-the-bot' }]),
};
const away = async () => Promise.reject(new Error('away'));

it('an error of a deploy is told without what the bot, and the config vars of its app, keep secret', async () => {
  expect(await troubleIn(error, 'd1', ask)).toBe('auth failed for "[PHRASE]" with •••');
});

it.each([
  ['the app is', { ledger: { deploy: away } }],
  ['its config vars are', { heroku: { configSeen: away } }],
])('an error of a deploy is told, without secrets of the bot, also when nobody knows what %s', async (_, unknown) => {
  expect(await troubleIn(error, 'd1', { ...ask, ...unknown })).toBe('auth failed for "correct horse battery" with •••');
});
