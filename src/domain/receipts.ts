import { createHash } from 'node:crypto';
import { type Deploy, type FactOf, latest, type Outcome, type Tally } from './deploy.ts';
import { oldCode, phaseFact } from './readings.ts';
import { stepsOf } from './step-readings.ts';
import { secondsOfStep } from './usual.ts';
import type { Evidence } from './watch.ts';

// The receipt of a deploy as it is kept: a summary, and the digest of all the facts that it is a reading of. Each is
// hashed together with the one before, so that none can be changed or taken out without all that follow being changed.

/** What is kept. Times are ISO, UTC. */
export type Receipt = {
  deploy: string;
  app: string;
  by: string;
  startedAt: string;
  endedAt: string;
  outcome: Outcome;
  why: string;
  ref: string;
  commit: string;
  /** Releases: what served before, ours, and the one that went back; null where there was none. */
  live: number;
  release: number | null;
  rollback: number | null;
  /** Seconds, beside the app's median of its last deploys. */
  steps: readonly { step: string; state: string; seconds: number | null; usual: number | null }[];
  /** How long old code served on, and what the probe and the router's log met. */
  seen: Tally | null;
  evidence: readonly Evidence[];
  /** Of its start, and then with the reason for one in a freeze; of its contract migrations, and then with their digest. */
  approvals: readonly {
    of: 'start' | 'contract';
    by: string;
    at: string;
    emergency?: string | null;
    digest?: string;
  }[];
  /** SHA-256 of every fact before the end. */
  facts: string;
};

/** A receipt's place in the chain. `body`: its JSON as it was hashed. */
export type Link = { number: number; deploy: string; body: string; previous: string; hash: string };

/** What stands before the first. */
export const NOTHING = { number: 0, hash: '0'.repeat(64) };

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The receipt of a deploy that ends now; `usual`: medians of its app's steps, seconds. */
export function receiptFor(
  deploy: Deploy,
  { outcome, why, at }: { outcome: Outcome; why: string; at: string },
  usual: Readonly<Record<string, number>>,
): Receipt {
  const { id, plan, facts } = deploy;
  const told = facts.filter((fact): fact is FactOf<'phase'> => fact.kind === 'phase');
  return {
    ...{ deploy: id, app: plan.app, by: deploy.startedBy, startedAt: deploy.startedAt, endedAt: at, outcome, why },
    ...{ ref: plan.ref, commit: plan.commit.sha, live: oldCode(deploy).version },
    release: latest(deploy, 'released')?.version ?? null,
    rollback: latest(deploy, 'rollback released')?.version ?? null,
    steps: stepsOf(deploy).map(reading => ({
      ...{ step: reading.step, state: reading.state, seconds: secondsOfStep(reading) },
      usual: usual[reading.step] ?? null,
    })),
    seen: phaseFact(deploy)?.tally ?? null,
    evidence: told.flatMap(({ phase }) => (phase.kind === 'new serves' ? [phase.evidence] : [])),
    approvals: facts.flatMap((fact): Receipt['approvals'] => {
      if (fact.kind === 'approved') return [{ of: 'contract', by: fact.by, at: fact.at, digest: fact.digest }];
      return fact.kind === 'started' && fact.approval ? [{ of: 'start', at: fact.at, ...fact.approval }] : [];
    }),
    facts: digestOfFacts(deploy),
  };
}

/** Of all that happened before the end, whatever order its keys come in. */
export const digestOfFacts = ({ facts }: Pick<Deploy, 'facts'>): string =>
  sha256(JSON.stringify(sorted(facts.filter(({ kind }) => kind !== 'ended'))));

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** The next link behind another. */
export function linkBehind(last: { number: number; hash: string }, deploy: string, body: string): Link {
  const number = last.number + 1;
  return { number, deploy, body, previous: last.hash, hash: hashOf(number, last.hash, body) };
}

const hashOf = (number: number, previous: string, body: string): string => sha256(`${number}\n${previous}\n${body}`);

/** What a deploy of the store says of itself, to be compared with its receipt. */
export type Claimed = {
  deploy: string;
  outcome: string | null;
  facts: string;
  /** Which receipt its end names; null where it was written by a bot that kept none. */
  receipt: { number: number; hash: string } | null;
};

/** Everything in which chain and deploys do not agree, in sentences; `anchor`: a hash that must be in it. */
export function checkChain(links: readonly Link[], deploys: readonly Claimed[], anchor: string | null): string[] {
  const known = new Map(links.map(link => [link.deploy, link]));
  return [
    ...brokenLinks(links),
    ...deploys.flatMap(claimed => disagreements(claimed, known.get(claimed.deploy))),
    ...links
      .filter(({ deploy }) => !deploys.some(claimed => claimed.deploy === deploy))
      .map(({ number, deploy }) => `Receipt ${number}: the store has no ended deploy ${deploy}.`),
    ...(anchor === null || links.some(({ hash }) => hash.startsWith(anchor))
      ? []
      : [`No receipt has the hash ${anchor}: the chain was cut before it, or made anew.`]),
  ];
}

function brokenLinks(links: readonly Link[]): string[] {
  let last = NOTHING;
  return links.flatMap(link => {
    const { number, previous, hash, body } = link;
    const found = [
      number === last.number + 1 ? '' : missing(last.number + 1, number - 1),
      hash === hashOf(number, previous, body) ? '' : `Receipt ${number}: its text or its hash was changed.`,
      number !== last.number + 1 || previous === last.hash
        ? ''
        : `Receipt ${number}: it was written behind another receipt ${last.number} than the one that is there.`,
    ];
    last = link;
    return found.filter(Boolean);
  });
}

const missing = (from: number, to: number): string =>
  from === to ? `Receipt ${from} is missing.` : `Receipts ${from} to ${to} are missing.`;

function disagreements({ deploy, outcome, facts, receipt }: Claimed, link: Link | undefined): string[] {
  if (!link) return receipt ? [`Deploy ${deploy} ended with receipt ${receipt.number}, which is missing.`] : [];
  const about = `Receipt ${link.number} (deploy ${deploy})`;
  const written = read(link.body);
  return [
    receipt?.hash === link.hash && receipt.number === link.number
      ? ''
      : `${about}: the deploy's end names ${receipt ? `receipt ${receipt.number} with another hash` : 'no receipt'}.`,
    written?.deploy === deploy ? '' : `${about}: it is not this deploy's.`,
    written?.outcome === outcome ? '' : `${about}: it says ${written?.outcome}, the deploy says ${outcome}.`,
    written?.facts === facts ? '' : `${about}: the deploy's facts were changed since.`,
  ].filter(Boolean);
}

function read(body: string): Partial<Receipt> | null {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
