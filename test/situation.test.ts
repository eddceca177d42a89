import { describe, expect, it } from 'vitest';
import { Refusal } from '../src/domain/refusal.ts';
import type { Heroku } from '../src/outside.ts';
import { gather, type Sources } from '../src/situation.ts';
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
