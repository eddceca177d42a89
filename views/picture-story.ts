import { type Deploy, type FactOf, latest, type StepReading } from '../src/domain/deploy.ts';
import { oldCode } from '../src/domain/readings.ts';
import { stepsOf } from '../src/domain/step-readings.ts';
import { duration, literal, secondsBetween } from './text.ts';

/** A step that was begun: before the release, while the switchover was watched, or after it. Times in ms. */
export type Told = {
  step: string;
  when: 'before' | 'watched' | 'after';
  from: number;
  to: number;
  took: string;
  failed: boolean;
};
/** A moment of the switchover, in few words. */
export type Moment = { at: number; words: string };

const AFTER: readonly string[] = ['Soak', 'Approval', 'Contract the schema'];

/** The steps that were begun, in order. */
export function stepsTold(deploy: Deploy): Told[] {
  const steps = stepsOf(deploy);
  const released = steps.findIndex(({ step }) => step === 'Release');
  const end = latest(deploy, 'ended')?.at ?? deploy.facts.at(-1)?.at ?? deploy.startedAt;
  return steps.flatMap((reading, index) => {
    const { step, state } = reading;
    if (reading.from === null || state === 'skipped') return [];
    const to = endOf(reading, end);
    const when = AFTER.includes(step) ? 'after' : index <= released ? 'before' : 'watched';
    const took = duration(secondsBetween(reading.from, to));
    return [{ step, when, from: Date.parse(reading.from), to: Date.parse(to), took, failed: state === 'failed' }];
  });
}

const endOf = ({ to }: StepReading, end: string): string => to ?? end;

/** What happened between the release and the end of old code, oldest first. */
export function momentsOf(deploy: Deploy): Moment[] {
  const live = oldCode(deploy).version;
  const moments: Moment[] = [];
  const ours = latest(deploy, 'released')?.version;
  for (const fact of deploy.facts) {
    const words = wordsOf(fact, { ours, live });
    if (words && !moments.some(known => known.words === words)) moments.push({ at: Date.parse(fact.at), words });
  }
  return moments;
}

type About = { ours: number | undefined; live: number };

function wordsOf(fact: Deploy['facts'][number], about: About): string | null {
  switch (fact.kind) {
    case 'released':
      return `v${fact.version} released`;
    case 'rollback asked':
      return fact.by === null ? 'rollback decided' : 'rollback asked';
    case 'rollback released':
      return `v${fact.version} released, with the code of v${about.live}`;
    case 'schema changed':
      return fact.direction === 'expand' && about.ours !== undefined ? 'schema expanded' : null;
    case 'phase':
      return phaseWords(fact, about);
    default:
      return null;
  }
}

function phaseWords({ of, phase, version }: FactOf<'phase'>, { live }: About): string | null {
  if (of === 'rollback') return phase.kind === 'new serves' ? `v${version} serves` : null;
  switch (phase.kind) {
    case 'old serves':
      return 'new dynos up';
    case 'mixed':
      return phase.corrected ? `v${live} answers again` : `first answer of v${version}`;
    case 'new serves':
      return `v${version} proved to serve`;
    case 'old gone':
      return 'old code gone';
    case 'crashed':
      return literal(`${phase.dyno} ${phase.what.startsWith('crashed') ? 'crashed' : phase.what.split(':')[0]}`, 60);
    default:
      return null;
  }
}
