import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Claimed,
  checkChain,
  digestOfFacts,
  type Link,
  linkBehind,
  NOTHING,
  receiptFor,
} from '../src/domain/receipts.ts';
import { cases } from './fuzzing.ts';
import { closed } from './sample-closed.ts';
import { deploys } from './sample-deploys.ts';
import { health } from './sample-health.ts';
import { migrating } from './sample-migrations.ts';
import { foreignText, poisoned } from './untrusted.ts';

// The chain of receipts, of any deploys with anybody's words in them: whatever is changed in it is found.

const OUTCOMES = ['succeeded', 'failed', 'cancelled', 'rolled back'] as const;
const sample = fc.constantFrom(...Object.values({ ...deploys, ...migrating, ...closed, ...health }));
const ended = fc.record({ known: sample, text: foreignText, outcome: fc.constantFrom(...OUTCOMES) });

/** As the store would hold it after these deploys, one behind the other. */
const chain = fc.array(ended, { minLength: 1, maxLength: 8 }).map(all => {
  const links: Link[] = [];
  const claimed: Claimed[] = [];
  for (const [index, { known, text, outcome }] of all.entries()) {
    const deploy = { ...poisoned(known, text), id: `d${index}` };
    const receipt = receiptFor(deploy, { outcome, why: text, at: deploy.startedAt }, {});
    const link = linkBehind(links.at(-1) ?? NOTHING, deploy.id, JSON.stringify(receipt));
    links.push(link);
    const { number, hash } = link;
    claimed.push({ deploy: deploy.id, outcome, facts: digestOfFacts(deploy), receipt: { number, hash } });
  }
  return { links, claimed };
});

/** One character of the text is another. */
const changed = (text: string, at: number, by: number): string => {
  const index = at % text.length;
  const unit = (text.charCodeAt(index) + (by % 0xffff) + 1) % 0x10000;
  return text.slice(0, index) + String.fromCharCode(unit) + text.slice(index + 1);
};

describe('the chain of receipts', () => {
  it('stands as it was written, and knows its own hashes', () => {
    fc.assert(
      fc.property(chain, fc.nat(), ({ links, claimed }, which) => {
        const { hash } = links[which % links.length] as Link;
        expect(checkChain(links, claimed, hash)).toEqual([]);
        expect(checkChain(links, claimed, hash.slice(0, 12))).toEqual([]);
        expect(checkChain(links, claimed, `${hash.slice(1)}x`)).toHaveLength(1);
        // What the store gives back has its keys in another order.
        expect(JSON.parse(links[0]?.body ?? '')).toMatchObject({ deploy: 'd0', facts: claimed[0]?.facts });
      }),
      cases(30, 3),
    );
  });

  it('shows one changed character, wherever it is', () => {
    const field = fc.constantFrom('body', 'hash', 'previous', 'deploy' as const);
    fc.assert(
      fc.property(chain, field, fc.nat(), fc.nat(), fc.nat(0xfffe), ({ links, claimed }, key, which, at, by) => {
        const index = which % links.length;
        const bad = links.map((link, each) => (each === index ? { ...link, [key]: changed(link[key], at, by) } : link));
        expect(checkChain(bad, claimed, null)).not.toEqual([]);
      }),
      cases(100, 3),
    );
  });

  it('shows what was taken out, put in, or put elsewhere', () => {
    fc.assert(
      fc.property(chain, fc.nat(), fc.nat(), ({ links, claimed }, which, other) => {
        const index = which % links.length;
        const link = links[index] as Link;
        const without = links.filter(each => each !== link);
        expect(checkChain(without, claimed, null)).not.toEqual([]);
        expect(checkChain([...links, linkBehind(links.at(-1) as Link, 'd99', link.body)], claimed, null)).not.toEqual(
          [],
        );
        const place = other % links.length;
        if (place !== index) expect(checkChain(without.toSpliced(place, 0, link), claimed, null)).not.toEqual([]);
        // What a deploy says of itself is held against it, too.
        const lies = claimed.map((each, at) =>
          at === index ? { ...each, facts: changed(each.facts, other, 0) } : each,
        );
        expect(checkChain(links, lies, null)).toHaveLength(1);
      }),
      cases(60, 3),
    );
  });
});
