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

/** A release stays pending for a moment after its output has ended (heroku/cli#1271), ms. */
const PENDING_AFTER_OUTPUT_MS = 300;

/** One app: what the API knows of it, and how releases follow each other. Its processes are the runtime's. */
export class HerokuApp {
  readonly id = randomUUID();
  readonly name: string;
  readonly createdAt = new Date();
  updatedAt = new Date();
  maintenance = false;
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
  #queue: Promise<unknown> = Promise.resolve();
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
    void this.#build(build);
    return build;
  }

  async #build(build: BuildModel): Promise<void> {
    const say = (line: string) => build.output.write(`${line}\n`);
    const dir = join(this.#dir, 'slugs', build.id);
    try {
      const processTypes = await buildSlug(build.source.url, dir, say);
      if (build.cancelled.signal.aborted) throw new BuildFailed('The build was cancelled');
      const { version: commit, version_description: description } = build.source;
      build.slug = { id: randomUUID(), dir, processTypes, commit, description, createdAt: new Date() };
      build.output.end();
      build.status = 'succeeded';
      build.updatedAt = new Date();
      this.say('Build succeeded');
      const short = (commit ?? build.slug.id).slice(0, 8);
      this.say(`Deploy ${short} by user ${build.user.email}`);
      build.release = this.release({ description: `Deploy ${short}`, slug: build.slug, user: build.user });
    } catch (error) {
      if (!(error instanceof BuildFailed)) throw error;
      say(` !     ${error.message}`);
      say(' !     Push rejected, failed to compile Node.js app.');
      build.output.end();
      build.status = 'failed';
      build.updatedAt = new Date();
      this.say(
        `Build failed -- check your build output: https://dashboard.heroku.com/apps/${this.id}/activity/builds/${build.id}`,
      );
    }
  }

  /** A new release, which waits for those before it, runs its release phase, and only then becomes current. */
  release(ask: { description: string; slug: SlugModel | null; user: User; phase?: boolean }): ReleaseModel {
    const now = new Date();
    const command = ask.phase === false ? undefined : ask.slug?.processTypes.release;
    const release: ReleaseModel = {
      id: randomUUID(),
      version: (this.releases.at(-1)?.version ?? 0) + 1,
      status: command || !ask.slug ? 'pending' : 'succeeded',
      description: ask.description,
      slug: ask.slug,
      config: { ...this.config },
      output: command ? new Output() : null,
      user: ask.user,
      createdAt: now,
      updatedAt: now,
    };
    this.releases.push(release);
    if (!ask.slug) release.status = 'succeeded';
    this.#queue = this.#queue.then(() => this.#carryOut(release, command));
    return release;
  }

  async #carryOut(release: ReleaseModel, command: string | undefined): Promise<void> {
    const { email } = release.user;
    if (command && release.output) {
      this.say(`Running release v${release.version} commands by user ${email}`);
      const status = await this.#phase(release, command, release.output);
      release.output.end();
      await sleep(PENDING_AFTER_OUTPUT_MS);
      release.status = status === 0 ? 'succeeded' : 'failed';
      release.updatedAt = new Date();
    }
    if (release.status === 'failed') {
      this.say(`Release v${release.version} command failed by user ${email}`);
      return;
    }
    this.say(`Release v${release.version} created by user ${email}`);
    if (release.slug) this.runtime.run(runnable(release, release.slug));
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

  /** Resolves when no release is being carried out. */
  async settled(): Promise<void> {
    await this.#queue;
  }

  canRollBackTo(release: ReleaseModel): boolean {
    return release.status === 'succeeded' && release.slug !== null && existsSync(release.slug.dir);
  }
}

export function runnable(release: ReleaseModel, slug: SlugModel): RunnableRelease {
  return { id: release.id, version: release.version, createdAt: release.createdAt, slug, config: release.config };
}
