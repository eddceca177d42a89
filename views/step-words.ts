import { type Deploy, latest, migrationsOf, type StepReading } from '../src/domain/deploy.ts';
import { type Direction, filesOf } from '../src/domain/gate.ts';
import { exposureOf, oldCode, phaseFact, silentSince } from '../src/domain/readings.ts';
import type { Step } from '../src/domain/steps.ts';
import { duration, literal, plural, secondsBetween } from './text.ts';

/** Words, and moments (ms) that are shown in the reader's own zone. */
export type Words = readonly (string | { at: number })[];

/** What there is to know of a step, beside its name and state. */
export function wordsFor(reading: StepReading, deploy: Deploy): Words {
  if (reading.state === 'pending') return [];
  if (reading.state !== 'skipped') return WORDS[reading.step](reading, deploy).filter(word => word !== '');
  if (latest(deploy, 'held') && AFTER_HOLD.some(step => step === reading.step)) return ['held'];
  if (reading.from === null) return ['not reached'];
  return [reading.step === 'Old code still serving' ? 'not seen to end' : 'not finished'];
}

const WORDS: Record<Step, (reading: StepReading, deploy: Deploy) => Words> = {
  'Expand the schema': (reading, deploy) => migrated('expand', reading, deploy),
  'Contract the schema': (reading, deploy) => migrated('contract', reading, deploy),
  Soak: (reading, deploy) => {
    const until = latest(deploy, 'soaking')?.until;
    return reading.state === 'running' && until ? ['new code alone is watched until ', { at: until }] : [];
  },
  Approval: (reading, deploy) => {
    const approved = latest(deploy, 'approved');
    if (approved) return ['given: the card in the thread says by whom'];
    return reading.state === 'running' ? ['asked: the card is in the thread'] : [];
  },
  'Upload the source': (reading, deploy) => {
    const bytes = latest(deploy, 'uploaded')?.bytes;
    return bytes === undefined ? [] : [`${size(bytes)}${took(reading)}`];
  },
  Build: (reading, { plan }) => {
    const commit = literal(plan.commit.sha.slice(0, 8));
    if (reading.state === 'failed')
      return [`${commit} failed${took(reading, 'after')}; its last lines are in the thread`];
    if (reading.state === 'done') return [`${commit}${took(reading)}`];
    if (reading.state !== 'running') return [];
    const last = plan.buildSeconds === null ? '' : `; the last build took ${duration(plan.buildSeconds)}`;
    return [`${commit}, since `, { at: Date.parse(reading.from ?? '') }, last];
  },
  Release: (reading, deploy) => {
    const version = latest(deploy, 'release started')?.version;
    const released = latest(deploy, 'released');
    if (reading.state === 'failed') return [`v${version}: the release phase failed; its last lines are in the thread`];
    if (released) return [`v${released.version}, its release phase took ${duration(released.phaseSeconds)}`];
    return version === undefined ? [] : [`v${version}, release phase`];
  },
  'New dynos boot': (reading, deploy) => {
    const crash = deploy.facts.findLast(
      fact => fact.kind === 'phase' && fact.of === 'deploy' && fact.phase.kind === 'crashed',
    );
    if (crash?.kind === 'phase' && crash.phase.kind === 'crashed') {
      return [literal(`${crash.phase.dyno} ${crash.phase.what}`, 200)];
    }
    const phase = phaseFact(deploy, 'deploy')?.phase;
    const quantity = latest(deploy, 'released')?.web ?? deploy.plan.web.quantity;
    if (reading.state === 'running')
      return [phase?.kind === 'booting' ? `${phase.up} of ${phase.of} up` : `0 of ${quantity} up`];
    return reading.state === 'done' ? [`all up${took(reading)}`] : [];
  },
  'Old code still serving': (reading, deploy) => {
    const live = `v${oldCode(deploy).version}`;
    if (reading.state === 'done') {
      const seconds = phaseFact(deploy)?.tally.windowSeconds ?? null;
      if (seconds !== null) return [`${live} served on for ${duration(seconds)} after the release`];
      return [
        exposureOf(deploy).kind === 'seen'
          ? 'not all the time: the thread says what was seen'
          : `${live} served until then`,
      ];
    }
    const released = latest(deploy, 'released');
    if (reading.state !== 'running' || !released) return [];
    const back = latest(deploy, 'rollback intended');
    const done = latest(deploy, 'rollback released');
    if (done) return [`${live} serves; v${done.version}, with the same code, takes its place`];
    if (back)
      return [
        `${live} serves as long as the rollback is in time; the last safe moment to ask was `,
        { at: back.safeUntil },
      ];
    const expected = { at: expectedSwitch(deploy, released.releasedAt) };
    if (phaseFact(deploy, 'deploy')?.phase.kind === 'not proved') {
      return [`${live} may still serve; the switch was expected about `, expected];
    }
    const serves = silentSince(phaseFact(deploy, 'deploy')?.phase) === null ? `${live} serves everybody; ` : '';
    const waits = [`${serves}v${released.version} has waited since `, { at: released.releasedAt }] as const;
    return [...waits, '; the switch is expected about ', expected];
  },
  'New code serves': (reading, deploy) => {
    const { version, phase } = phaseFact(deploy, 'deploy') ?? {};
    if (reading.state === 'done') return [`v${version}, announced in the thread`];
    if (phase?.kind === 'mixed') {
      return [
        silentSince(phase) === null
          ? `v${oldCode(deploy).version} and v${version} both answer${phase.corrected ? ' again' : ''}: not yet proved`
          : 'no answer says any more which release it comes from: not yet proved',
      ];
    }
    return phase?.kind === 'not proved' ? ['not proved: somebody has to look, the thread says at what'] : [];
  },
  'Old code gone': (reading, deploy) => {
    const live = `v${oldCode(deploy).version}`;
    const phase = phaseFact(deploy, 'deploy')?.phase;
    if (phase?.kind === 'old gone') return [literal(`${phase.dynos.join(', ')} of ${live} have stopped`, 200)];
    if (reading.state === 'done') return ['on the word of a person who looked'];
    if (phase?.kind === 'not proved') return ['not proved: somebody has to look, the thread says at what'];
    return reading.state === 'running' ? [`the dynos of ${live} are being stopped`] : [];
  },
  'Close the app': ({ state }) => [state === 'running' ? 'looking that visitors get the closed page' : ''],
  'Stop the dynos': ({ state }, deploy) => {
    const dynos = latest(deploy, 'dynos stopping')?.dynos ?? [];
    return [literal(`${dynos.join(', ')}${state === 'done' ? ' have stopped' : ''}`, 200)];
  },
  'Start the dynos': (reading, deploy) => {
    if (reading.state === 'failed') return [literal(latest(deploy, 'dynos down')?.what ?? '', 200)];
    return reading.state === 'done' ? [`all up${took(reading)}`] : [];
  },
  'Open the app': ({ state }, deploy) => {
    if (state === 'running') return ['asking who answers'];
    return state === 'done' ? [`v${latest(deploy, 'let in')?.version} answers visitors`] : [];
  },
  'Roll back': (reading, deploy) => {
    const to = `to the code of v${oldCode(deploy).version}`;
    const failed = latest(deploy, 'rollback failed');
    if (failed) return [literal(failed.why, 200)];
    const version = latest(deploy, 'rolling back')?.version;
    return [version === undefined ? to : `${to}, as v${version}${reading.state === 'done' ? took(reading) : ''}`];
  },
  'Rollback serves': (reading, deploy) => {
    const version = latest(deploy, 'rollback released')?.version;
    if (version === undefined || reading.state === 'pending') return [];
    return [reading.state === 'done' ? `v${version}` : `v${version}: waiting for the proof`];
  },
};

const AFTER_HOLD: readonly Step[] = ['Soak', 'Approval', 'Contract the schema'];

function migrated(direction: Direction, reading: StepReading, deploy: Deploy): Words {
  const failed = deploy.facts.findLast(fact => fact.kind === 'migration failed' && fact.direction === direction);
  if (failed?.kind === 'migration failed') return [literal(`${failed.failure.file} failed`, 100)];
  const done = deploy.facts.filter(fact => fact.kind === 'migrated' && fact.direction === direction).length;
  const noun = migrationsOf(deploy)?.commands ? 'command' : 'file';
  if (reading.state === 'done') return [`${plural(done, noun)}${took(reading)}`];
  const files = filesOf(migrationsOf(deploy), direction).map(({ file }) => file);
  const told = deploy.facts.findLast(
    fact => (fact.kind === 'migration begins' || fact.kind === 'migration waits') && fact.direction === direction,
  );
  if (told?.kind === 'migration waits' && told.file === null) return ['waits until nobody else migrates'];
  if (told?.kind !== 'migration begins' && told?.kind !== 'migration waits')
    return [`${done} of ${plural(files.length, noun)}`];
  const name = literal(told.file ?? '', 100);
  const place = `${files.indexOf(told.file ?? '') + 1} of ${plural(files.length, noun)}: ${name}`;
  return [told.kind === 'migration waits' ? `${place} waits for others, and is tried again` : place];
}

/** ms: what the watch said last of the window, else the release and the usual window. */
export function expectedSwitch(deploy: Deploy, releasedAt: number): number {
  const told = deploy.facts.findLast(
    fact => fact.kind === 'phase' && fact.of === 'deploy' && fact.phase.kind === 'old serves',
  );
  return told?.kind === 'phase' && told.phase.kind === 'old serves'
    ? told.phase.expectedSwitch
    : releasedAt + deploy.plan.windowSeconds * 1000;
}

function took({ from, to }: StepReading, word = 'in'): string {
  return from && to ? ` ${word} ${duration(secondsBetween(from, to))}` : '';
}

function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
