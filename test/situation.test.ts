import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createProber } from '../src/adapters/prober.ts';
import { createVisit } from '../src/adapters/visit.ts';
import { DEFAULT_PROBE } from '../src/domain/app.ts';
import { Refusal } from '../src/domain/refusal.ts';
import type { Answer, Heroku } from '../src/outside.ts';
import { askOnce, gather, type Sources } from '../src/situation.ts';
import { gatherBack } from '../src/situation-back.ts';
import { plan } from './sample-deploys.ts';

const settings = { ...plan, name: 'shop', deployers: [], defaultRef: 'main', probe: undefined };
const asked = { isNext: true, held: [], locks: [], asker: 'U0ANN', maintenance: false, floor: null };

describe('an account without API calls left', () => {
  it.each([
    ['a deploy', (sources: Sources) => gather(sources, settings, 'main', asked)],
    ['going back', (sources: Sources) => gatherBack(sources, settings, null, asked)],
  ])('refuses %s at once, with when to try again, and asks nothing that costs one', async (_, ask) => {
    const calls: string[] = [];
    const heroku = new Proxy({} as Heroku, {
      get: (_, name) => async () => {
        calls.push(String(name));
        return name === 'tokensLeft' ? 0 : Promise.reject(new Error('429'));
      },
    });
    const refused = await ask({ heroku } as unknown as Sources).catch(error => error);
    expect(refused).toBeInstanceOf(Refusal);
    expect(refused.message).toMatch(/0 API calls left.*try again in 1 min/);
    expect(calls).toEqual(['tokensLeft']);
  });
});

describe('what an app tells of itself', () => {
  const lost: Answer = { sentAt: 0, receivedAt: 1, status: null, version: null, problem: 'socket hang up' };
  const asking = (answers: readonly Answer[]) => {
    const left = [...answers];
    return askOnce({ ask: async () => left.shift() ?? lost }, 'http://shop', DEFAULT_PROBE);
  };

  it('is read from its first answer, though a connection broke before it', async () => {
    const told: Answer = { ...lost, status: 200, version: { release: 4 } };
    expect(await asking([lost, told])).toEqual({ version: 'v4' });
    expect(await asking([lost, lost, told])).toEqual({ version: 'v4' });
    expect(await asking([lost, lost, lost, told])).toEqual({ problem: 'socket hang up' });
    const silent: Answer = { sentAt: 0, receivedAt: 1, status: 200, version: null };
    expect(await asking([silent, told])).toEqual({ problem: expect.stringContaining('answered 200') });
  });

  it('is not known where it hangs, and that is no error: it can be deployed, and rolled back', async () => {
    const hangs = createServer(() => {}).listen(0, '127.0.0.1');
    await once(hangs, 'listening');
    const url = `http://127.0.0.1:${(hangs.address() as AddressInfo).port}/`;
    const told = await askOnce(createProber(createVisit(['127.0.0.0/8'])), url, DEFAULT_PROBE);
    hangs.close();
    hangs.closeAllConnections();
    expect(told).toEqual({ problem: 'no answer within 10 s' });
    const gone = { ask: () => Promise.reject(new Error('aborted')) };
    expect(await askOnce(gone, url, DEFAULT_PROBE)).toEqual({ problem: 'no answer within 12 s' });
  }, 20_000);
});
