import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BuildFailed, buildSlug } from './builder.ts';
import type { AppRuntime, FormationEntry, RunnableRelease, Slug } from './contract.ts';
import { Output } from './streams.ts';

export type User = { id: string; email: string };

export type BuildModel = {
  id: string;
  status: 'pending' | 'succeeded' | 'failed';
  source: { url: string; version: string | null; version_description: string | null; checksum: string | null };
  output: Output;
  slug: SlugModel | null;
  release: ReleaseModel | null;
  user: User;
  createdAt: Date;
  updatedAt: Date;
  cancelled: AbortController;
};

export type SlugModel = Slug & { description: string | null; createdAt: Date };

export type ReleaseModel = {
  id: string;
  version: number;
  status: 'pending' | 'succeeded' | 'failed';
  description: string;
  slug: SlugModel | null;
  config: Record<string, string>;
  output: Output | null;
  user: User;
  createdAt: Date;
  updatedAt: Date;
};

export type AddonModel = { id: string; name: string; plan: string; createdAt: Date; attachedTo: Set<string> };

/** A build has succeeded a moment before its release is there [assumed: always, and for so long], ms. */
const RELEASED_AFTER_BUILD_MS = 100;

/** One app: what the API knows of it, and how releases follow each other. Its processes are the runtime's. */
export class HerokuApp {
  readonly id = randomUUID();
  readonly name: string;
  readonly createdAt = new Date();
  updatedAt = new Date();
  maintenance = false;
  /** Another account's, to which alone the app belongs then; null: it is the one account's. */
  ownToken: string | null = null;
  /** A release stays pending for a moment after its output has ended (heroku/cli#1271), ms. */
  pendingAfterOutputMs = 300;
  preboot: boolean;
  preboots = { createdAt: new Date(), updatedAt: new Date() };
  space: { id: string; name: string } | null = null;
  generation = 'cedar';
  formation: (FormationEntry & { id: string; createdAt: Date; updatedAt: Date })[];
  /** Set by people; a failed release does not take them back. */
  config: Record<string, string>;
  readonly builds: BuildModel[] = [];
  readonly releases: ReleaseModel[] = [];
  readonly addons: AddonModel[] = [];
  readonly runtime: AppRuntime;
  readonly #dir: string;
  #building: Promise<void> = Promise.resolve();
  #queue: Promise<void> = Promise.resolve();
  #closed = false;
  #oneOffs = 1000;

  constructor(ask: {
    name: string;
    dir: string;
    preboot: boolean;
    formation: FormationEntry[];
    config: Record<string, string>;
    runtime: AppRuntime;
  }) {
    this.name = ask.name;
    this.#dir = ask.dir;
    this.preboot = ask.preboot;
    this.config = ask.config;
    this.runtime = ask.runtime;
    const now = new Date();
    this.formation = ask.formation.map(entry => ({ ...entry, id: randomUUID(), createdAt: now, updatedAt: now }));
  }

  get current(): ReleaseModel | undefined {
    return this.releases.findLast(release => release.status === 'succeeded');
  }

  say(text: string): void {
    this.runtime.logs.emit({ source: 'app', process: 'api', text });
  }

  /** One at a time: null when another one runs. */
  build(source: BuildModel['source'], user: User): BuildModel | null {
    if (this.builds.some(known => known.status === 'pending')) return null;
    const now = new Date();
    const rest = { output: new Output(), slug: null, release: null, user, createdAt: now, updatedAt: now };
    const build: BuildModel = {
      id: randomUUID(),
      status: 'pending',
      source,
      cancelled: new AbortController(),
      ...rest,
    };
    this.builds.push(build);
    this.say(`Build started by user ${user.email}`);
    this.#building = this.#build(build);
    return build;
  }

  async #build(build: BuildModel): Promise<void> {
    const { source, output, user } = build;
    const say = (line: string) => output.write(`${line}\n`);
    const dir = join(this.#dir, 'slugs', build.id);
    const { signal } = build.cancelled;
    try {
      const processTypes = await buildSlug(source.url, dir, say, { checksum: source.checksum, signal });
      signal.throwIfAborted();
      const { version: commit, version_description: description } = source;
      build.slug = { id: randomUUID(), dir, processTypes, commit, description, createdAt: new Date() };
    } catch (error) {
      const known = error instanceof BuildFailed || signal.aborted;
      if (!known) console.error(error);
      const why = known ? (error as Error).message : 'Heroku itself failed';
      say(` !     ${signal.aborted ? 'The build was cancelled' : why}`);
      say(' !     Push rejected, failed to compile Node.js app.');
    }
    output.end();
    build.status = build.slug ? 'succeeded' : 'failed';
    build.updatedAt = new Date();
    if (!build.slug) {
      const page = `https://dashboard.heroku.com/apps/${this.id}/activity/builds/${build.id}`;
      this.say(`Build failed -- check your build output: ${page}`);
      return;
    }
    this.say('Build succeeded');
    await sleep(RELEASED_AFTER_BUILD_MS);
    const short = (build.slug.commit ?? build.slug.id).slice(0, 8);
    this.say(`Deploy ${short} by user ${user.email}`);
    build.release = this.release({ description: `Deploy ${short}`, slug: build.slug, user });
  }

  /** A new release, which waits for those before it, runs its release phase, and only then becomes current. */
  release(ask: { description: string; slug: SlugModel | null; user: User; phase?: boolean }): ReleaseModel {
    const now = new Date();
    const command = ask.phase === false ? undefined : ask.slug?.processTypes.release;
    const waits = command !== undefined || this.releases.some(({ status }) => status === 'pending');
    const release: ReleaseModel = {
      id: randomUUID(),
      version: (this.releases.at(-1)?.version ?? 0) + 1,
      status: waits ? 'pending' : 'succeeded',
      description: ask.description,
      slug: ask.slug,
      config: { ...this.config },
      output: command ? new Output() : null,
      user: ask.user,
      createdAt: now,
      updatedAt: now,
    };
    this.releases.push(release);
    this.#queue = this.#queue.then(() => this.#carryOut(release, command));
    return release;
  }

  async #carryOut(release: ReleaseModel, command: string | undefined): Promise<void> {
    const { email } = release.user;
    if (this.#closed) return;
    if (command && release.output) {
      this.say(`Running release v${release.version} commands by user ${email}`);
      const status = await this.#phase(release, command, release.output);
      release.output.end();
      await sleep(this.pendingAfterOutputMs);
      release.updatedAt = new Date();
      if (status !== 0) {
        release.status = 'failed';
        // [assumed: the wording]
        this.say(`Release v${release.version} command failed by user ${email}`);
        return;
      }
    }
    release.status = 'succeeded';
    this.say(`Release v${release.version} created by user ${email}`);
    if (!release.slug || this.#closed) return;
    this.#showTypes(release.slug);
    this.runtime.run(runnable(release, release.slug));
  }

  async #phase(release: ReleaseModel, command: string, output: Output): Promise<number> {
    const oneOff = this.runtime.oneOff({
      release: runnable(release, release.slug as SlugModel),
      type: 'release',
      name: this.nextName('release'),
      command,
      size: 'Standard-1X',
      onOutput: chunk => output.write(chunk),
    });
    output.start();
    return oneOff.exited;
  }

  /** Each process type of the Procfile is shown in the formation, at none until somebody scales it. */
  #showTypes({ processTypes }: Slug): void {
    const size = this.formation.find(({ type }) => type === 'web')?.size ?? 'Standard-1X';
    const now = new Date();
    for (const type of Object.keys(processTypes)) {
      if (this.formation.some(entry => entry.type === type)) continue;
      this.formation.push({ id: randomUUID(), type, quantity: 0, size, createdAt: now, updatedAt: now });
    }
  }

  nextName(type: 'release' | 'run'): string {
    return `${type}.${++this.#oneOffs}`;
  }

  /** Config vars stay set though the release that they make fails. */
  setConfig(changes: Record<string, string | null>, user: User): ReleaseModel {
    const set = Object.keys(changes).filter(name => changes[name] !== null);
    const removed = Object.keys(changes).filter(name => changes[name] === null);
    for (const name of removed) delete this.config[name];
    Object.assign(this.config, Object.fromEntries(set.map(name => [name, changes[name]])));
    const verb = set.length > 0 ? 'Set' : 'Remove';
    const description = `${verb} ${(set.length > 0 ? set : removed).join(', ')} config vars`;
    this.say(`${description} by user ${user.email}`);
    return this.release({ description, slug: this.current?.slug ?? null, user });
  }

  /** Resolves when no build runs and no release is being carried out. */
  async settled(): Promise<void> {
    await this.#building;
    await this.#queue;
  }

  /** Ends all of its processes, release phases too. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { cancelled } of this.builds) cancelled.abort();
    await this.runtime.close();
    await this.settled();
  }

  slug(id: string): SlugModel | null {
    return this.builds.find(build => build.slug?.id === id)?.slug ?? null;
  }

  canRollBackTo(release: ReleaseModel): boolean {
    return release.status === 'succeeded' && release.slug !== null && existsSync(release.slug.dir);
  }
}

export function runnable(release: ReleaseModel, slug: SlugModel): RunnableRelease {
  return { id: release.id, version: release.version, createdAt: release.createdAt, slug, config: release.config };
}
