import { setTimeout as sleep } from 'node:timers/promises';
import type { Message, Person } from '../stage/slack/slack.ts';
import type { Chance } from './chance.ts';
import type { Closure, Pressed, Started } from './evidence.ts';
import { hasEnded } from './invariants.ts';
import { BAD, type Bad, closes, commandBranch, fileBranch, STEPS } from './series.ts';
import { count } from './tally.ts';
import type { App, World } from './world.ts';

/** What people do with an app, and how often. */
const ACTS = {
  files: { deploy: 5, cancel: 2, rollBack: 2, queue: 2, bad: 4, back: 2, close: 1 },
  commands: { deploy: 4, cancel: 1, queue: 1, close: 1 },
  closed: { deploy: 2, bad: 10, cancel: 2, close: 1 },
  real: { deploy: 4, cancel: 1, rollBack: 2, bad: 2, back: 1 },
} as const;
type Act = 'deploy' | 'cancel' | 'rollBack' | 'queue' | 'bad' | 'back' | 'close';

const BADLY_CLOSED: readonly Bad[] = ['crash', 'release', 'contract', 'contract'];

const PLAN_WITHIN_MS = 12_000;
const AGAIN_MS = 4_000;
/** What was closed is open again so soon, or they look no longer. */
const OPEN_WITHIN_MS = 60_000;
/** A deploy that has begun is in its channel so soon, unless Slack is in trouble. */
const TOLD_WITHIN_MS = 15_000;

/** ann and bob, who deploy, change their minds and answer what they are asked, as long as the bot lets them. */
export class People {
  /** Deploys and ways back that they asked for. */
  asked = 0;
  readonly presses: Pressed[] = [];
  readonly closures: Closure[] = [];
  readonly #world: World;
  readonly #chance: Chance;
  readonly #answers: Map<string, number>;
  /** Of each that was told to have begun: the plans that were shown and pressed for it. */
  readonly #begun: { shown: readonly string[]; app: string; at: number }[] = [];
  readonly #steps = new Map<string, number>();
  readonly #tried = new Map<string, number>();

  /** `answers`: counts what they got in place of a plan. */
  constructor(world: World, chance: Chance, answers: Map<string, number>) {
    this.#answers = answers;
    this.#world = world;
    this.#chance = chance;
  }

  /** One app after the other has its own people. */
  async workOn(isOver: () => boolean): Promise<void> {
    await Promise.all(this.#world.apps.map(app => this.#workOn(app, this.#chance.of(app.name), isOver)));
  }

  async #workOn(app: App, chance: Chance, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const act = chance.weighed(ACTS[app.kind] as Record<Act, number>);
      await this.#do(act, app, chance, isOver);
      await pass(chance.between(200, 2_000), isOver);
    }
  }

  async #do(act: Act, app: App, chance: Chance, isOver: () => boolean): Promise<void> {
    if (act === 'close') return this.#closeAndOpen(app, chance, isOver);
    if (act === 'back') {
      await this.#ended(await this.#begin(app, 'ann', `/deploy rollback ${app.name}`, isOver), isOver);
      return;
    }
    const deploy = await this.#begin(app, 'ann', this.#step(app, act === 'bad' ? chance : null), isOver);
    if (act === 'queue') {
      const second = await this.#begin(app, 'bob', this.#step(app, null), isOver);
      await this.#ended(second, isOver);
    }
    if (act === 'cancel' || act === 'rollBack') {
      await pass(chance.between(0, act === 'cancel' ? 8_000 : 16_000), isOver);
      await this.#pressOnRoot(deploy, act === 'cancel' ? 'Cancel' : 'Roll back', isOver);
    }
    await this.#ended(deploy, isOver);
  }

  #step({ name, kind }: App, bad: Chance | null): string {
    const step = Math.min(STEPS, (this.#steps.get(name) ?? 0) + 1);
    if (!bad) this.#steps.set(name, step);
    // Half of them fail where something was destroyed, which keeps the app closed, and the others where it can be put back.
    const badly = kind === 'closed' ? BADLY_CLOSED : BAD;
    const ref = kind === 'commands' ? commandBranch(step) : fileBranch(step, bad?.pick(badly));
    return `/deploy ${name} ${ref}${kind === 'closed' ? ' --maintenance' : ''}`;
  }

  /** Asks until there is a plan, and presses Start until the bot has taken it; null when it refuses or time is up. */
  async #begin(app: App, who: 'ann' | 'bob', words: string, isOver: () => boolean): Promise<string | null> {
    const person = this.#world.stage.slack.person(who);
    const from = Date.now();
    this.asked++;
    const taken = await person.types(words, { channel: app.name }).catch(() => null);
    if (!taken || taken.error) {
      count(this.#answers, taken?.error ?? 'no connection');
      await pass(1_000, isOver);
      return isOver() ? null : this.#begin(app, who, words, isOver);
    }
    const isAnswer = (message: Message) =>
      message.onlyTo === who && message.channel === app.name && Number(message.ts) * 1000 >= from;
    const plan = await person
      .sees(message => isAnswer(message) && startOf(message) !== null, { withinMs: PLAN_WITHIN_MS })
      .catch(() => null);
    if (!plan) {
      count(this.#answers, kindOf(person.messages().findLast(isAnswer)));
      return null;
    }
    // When the world has changed, another plan is shown in place of the one that was pressed.
    const shown: string[] = [];
    for (let deploy = startOf(plan); deploy !== null && !isOver(); deploy = startOf(plan)) {
      shown.push(deploy);
      const at = Date.now();
      this.presses.push({ label: 'Start', deploy, app: app.name, by: who, at, closes: closesIn(plan, app) });
      await person.presses('Start', { on: plan }).catch(() => null);
      for (const until = performance.now() + AGAIN_MS; performance.now() < until && startOf(plan) !== null; )
        await sleep(50);
    }
    if (!/has started|is queued/.test(plan.plain)) return null;
    this.#begun.push({ shown, app: app.name, at: Date.now() });
    for (const until = performance.now() + TOLD_WITHIN_MS; performance.now() < until && !isOver(); await sleep(200)) {
      if (shown.some(id => this.root(id))) break;
    }
    return this.#which(shown);
  }

  /** The plan that was begun: an answer that comes late is about an earlier one than is shown. */
  #which(shown: readonly string[]): string {
    return shown.find(id => this.root(id)) ?? shown.at(-1) ?? '';
  }

  get started(): Started[] {
    return this.#begun.map(({ shown, app, at }) => ({ id: this.#which(shown), app, at }));
  }

  async #pressOnRoot(deploy: string | null, label: string, isOver: () => boolean): Promise<void> {
    const root = deploy && this.root(deploy);
    if (!root || isOver() || !root.buttons().some(button => button.label === label)) return;
    await this.#world.stage.slack
      .person('bob')
      .presses(label, { on: root })
      .catch(() => null);
  }

  async #ended(deploy: string | null, isOver: () => boolean): Promise<void> {
    // Not for ever: the next one then queues behind it.
    for (const until = performance.now() + 60_000; deploy && !isOver() && performance.now() < until; ) {
      if (this.isOver(deploy)) return;
      await sleep(200);
    }
  }

  async #closeAndOpen(app: App, chance: Chance, isOver: () => boolean): Promise<void> {
    const ann = this.#world.stage.slack.person('ann');
    const from = Date.now();
    const closure = { app: app.name, from, until: Number.POSITIVE_INFINITY };
    this.closures.push(closure);
    await ann
      .types(`/maintenance ${app.name} on for 5m The hats are counted.`, { channel: app.name })
      .catch(() => null);
    const isMine = (message: Message) =>
      message.channel === app.name && message.onlyTo === 'ann' && Number(message.ts) * 1000 >= from;
    const question = await ann
      .sees(message => isMine(message) && has(message, 'Close it'), { withinMs: 6_000 })
      .catch(() => null);
    if (question) await ann.presses('Close it', { on: question }).catch(() => null);
    await pass(chance.between(1_000, 6_000), isOver);
    const wasClosed = app.heroku.maintenance;
    await ann.types(`/maintenance ${app.name} off`, { channel: app.name }).catch(() => null);
    // Where it was not closed yet it may be so later, by what was asked first: then they never know.
    const limit = performance.now() + OPEN_WITHIN_MS;
    while (wasClosed && app.heroku.maintenance && performance.now() < limit) await sleep(100);
    if (wasClosed && !app.heroku.maintenance) closure.until = Date.now();
  }

  /** Whatever the bot asks somebody is answered, some of it only when all trouble is over. */
  async answerOn(isOver: () => boolean, isPatient: () => boolean): Promise<void> {
    const chance = this.#chance.of('answers');
    while (!isOver()) {
      for (const message of this.#asking()) {
        for (const { label, value } of message.buttons()) {
          const key = `${message.channel} ${message.ts} ${label}`;
          if (performance.now() < (this.#tried.get(key) ?? 0)) continue;
          const wait = isPatient() ? chance.between(0, 12_000) : 6_000;
          const seen = this.#tried.has(key);
          this.#tried.set(key, performance.now() + wait + 2_000);
          if (!seen && isPatient() && chance.is(0.5)) continue;
          await this.#answer(message, label, value?.split(' ')[0] ?? '', chance).catch(() => null);
        }
      }
      await sleep(300);
    }
  }

  /** Everything in the channels on which something can be pressed. */
  #asking(): Message[] {
    return this.#world.stage.slack
      .person('bob')
      .messages()
      .filter(message => message.byBot && message.onlyTo === null && message.buttons().length > 0);
  }

  async #answer(message: Message, label: string, deploy: string, chance: Chance): Promise<void> {
    const app = this.#world.apps.find(({ name }) => name === message.channel);
    if (!app) return;
    const [ann, bob] = [this.#world.stage.slack.person('ann'), this.#world.stage.slack.person('bob')];
    const press = async (person: Person): Promise<void> => {
      this.presses.push({ label, deploy, app: app.name, by: person === ann ? 'ann' : 'bob', at: Date.now() });
      await person.presses(label, { on: message });
    };
    switch (label) {
      case 'Run them':
        // One of them began it, and the other may say yes.
        if (chance.is(0.8)) for (const person of [ann, bob]) await press(person);
        return;
      case 'Hold':
        if (!chance.is(0.2)) return;
        await press(bob);
        await bob.fills('The report still reads it.', { withinMs: 3_000 });
        return;
      case 'Go on':
      case 'Keep it':
        return press(ann);
      case 'Open':
        return chance.is(0.7) ? press(bob) : undefined;
      case 'Try again':
        return chance.is(0.3) ? press(bob) : undefined;
      case 'Open now':
        return press(ann);
      case 'It serves':
      case 'Old code is gone':
        // They look, and say what is true.
        if (!(label === 'It serves' ? this.#newServes(app) : this.#oldIsGone(app))) return;
        await press(bob);
        await bob.fills('I asked it several times.', { withinMs: 3_000 });
        return;
      default:
    }
  }

  #newServes({ name, heroku }: App): boolean {
    const flips = this.#world.truths.filter(truth => truth.app === name && truth.kind === 'router-flipped');
    const newest = new Map(flips.map(truth => ['router' in truth ? truth.router : 0, truth.release]));
    return [...newest.values()].every(release => release === heroku.current?.version);
  }

  #oldIsGone(app: App): boolean {
    const of = this.#world.truths.filter(truth => truth.app === app.name);
    const exited = new Set(of.flatMap(truth => (truth.kind === 'dyno-exited' ? [truth.id] : [])));
    const alive = of.filter(truth => truth.kind === 'dyno-started' && !exited.has(truth.id));
    return this.#newServes(app) && alive.every(({ release }) => release === app.heroku.current?.version);
  }

  /** Deploys that are still going on, also such of which nobody was told that they had begun. */
  left(): string[] {
    const roots = this.#world.stage.slack
      .person('bob')
      .messages()
      .filter(({ metadata }) => metadata?.event_payload.key === 'root')
      .map(({ metadata }) => String(metadata?.event_payload.deploy));
    return [...new Set([...this.started.map(({ id }) => id), ...roots])].filter(id => !this.isOver(id));
  }

  root(deploy: string): Message | undefined {
    return this.#world.stage.slack
      .person('bob')
      .messages()
      .find(({ metadata }) => metadata?.event_payload.deploy === deploy && metadata.event_payload.key === 'root');
  }

  isOver(deploy: string): boolean {
    return hasEnded(this.root(deploy)?.plain ?? '');
  }
}

/** What kind of answer that is which shows no plan. */
function kindOf(answer: Message | undefined): string {
  if (!answer) return 'nothing: the bot died after it had taken it';
  if (/this is our fault/.test(answer.plain)) return 'that it is the bot’s fault, and to try again';
  return /:no_entry:/.test(answer.plain) ? 'reasons why not' : 'something else';
}

/** Whether what is planned closes the app for a while. An answer that comes late is not to what was asked last. */
function closesIn(plan: Message, { kind }: App): boolean {
  const step = /\bfrom `?[a-z]+-(\d+)`? of /.exec(plan.plain)?.[1];
  return kind === 'closed' || (kind !== 'commands' && step !== undefined && closes(Number(step)));
}

const has = (message: Message, label: string): boolean => message.buttons().some(button => button.label === label);

/** The plan that its Start begins; null when it has none, or none any more. */
const startOf = (message: Message): string | null =>
  message.buttons().find(({ label }) => label === 'Start')?.value ?? null;

async function pass(ms: number, isOver: () => boolean): Promise<void> {
  for (const until = performance.now() + ms; performance.now() < until && !isOver(); ) await sleep(50);
}
