import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { ATTACH_WITHIN_MS, attach } from './attached.ts';
import type { DynoState, DynoView, Knobs, Logs, RunnableRelease, TruthRecord } from './contract.ts';
import { type AppIdentity, dynoEnvironment } from './environment.ts';
import type { Group, StartGroup } from './group.ts';
import type { Leash } from './leash.ts';
import { watchMemory } from './memory.ts';
import { listens } from './ports.ts';
import type { Meeting } from './rendezvous.ts';
import type { Timers } from './timers.ts';

/** Where dynos run: what all dynos of one app share. */
export type Ground = {
  app: AppIdentity;
  scale: number;
  knobs: Knobs;
  logs: Logs;
  leash: Leash;
  timers: Timers;
  ports: { take(): Promise<number> };
  /** Starts the processes of a dyno. */
  start: StartGroup;
  /** Every dyno whose processes may still live. */
  dynos: Set<Dyno>;
  onTruth: (record: TruthRecord) => void;
  /** Something happened that a waiting request may have waited for. */
  onChange: () => void;
};

export type DynoAsk = {
  name: string;
  type: string;
  command: string;
  size: string;
  release: RunnableRelease;
  /** Runs once, is never restarted, ends as `complete`. */
  once?: {
    env: Record<string, string>;
    onOutput: ((chunk: Buffer) => void) | undefined;
    /** Starts only when a client has come, whose terminal it then is. */
    meeting: Meeting | undefined;
  };
};

const TERM_GRACE_MS = 30_000;
const PROBE_EVERY_MS = 50;
const CRASHES_TOGETHER_MS = 10 * 60_000;
const LONGEST_COOL_OFF_MS = 24 * 3_600_000;

/** One place in the formation (`web.1` of one release): its process, and the processes that follow when that crashes. */
export class Dyno {
  readonly #ground: Ground;
  readonly #ask: DynoAsk;
  readonly #over = Promise.withResolvers<number>();
  #id: string = randomUUID();
  #state: DynoState = 'starting';
  #createdAt = new Date();
  #updatedAt = this.#createdAt;
  #port: number | null = null;
  #group: Group | null = null;
  #ending = false;
  #crashes = 0;
  #cancelTimer = () => {};

  constructor(ground: Ground, ask: DynoAsk) {
    this.#ground = ground;
    this.#ask = ask;
    ground.dynos.add(this);
  }

  get name(): string {
    return this.#ask.name;
  }

  get type(): string {
    return this.#ask.type;
  }

  get release(): RunnableRelease {
    return this.#ask.release;
  }

  get state(): DynoState {
    return this.#state;
  }

  /** Where a router finds it; `null` unless it is up and not being stopped. */
  get backend(): { id: string; name: string; release: number; port: number } | null {
    if (this.#state !== 'up' || this.#ending || this.#port === null) return null;
    return { id: this.#id, name: this.name, release: this.release.version, port: this.#port };
  }

  /** Settles with the last exit status when it was ended and nothing of it is left. */
  get over(): Promise<number> {
    return this.#over.promise;
  }

  view(): DynoView {
    const { name, type, command, size, release } = this.#ask;
    return {
      id: this.#id,
      name,
      type,
      command,
      size,
      state: this.#state,
      release: { id: release.id, version: release.version },
      attachUrl: this.#ask.once?.meeting?.url ?? null,
      createdAt: this.#createdAt,
      updatedAt: this.#updatedAt,
    };
  }

  /** Starts its first process, after the app's boot delay. */
  start(): void {
    if (this.#ending) return;
    if (this.#ask.once?.meeting) {
      void this.#awaitClient(this.#ask.once.meeting);
      return;
    }
    const delayMs = this.#ask.once ? 0 : this.#ground.knobs.bootDelayMs;
    this.#cancelTimer = this.#ground.timers.after(delayMs, () => void this.#launch());
  }

  /** A line of the platform about this dyno. */
  say(text: string): void {
    this.#ground.logs.emit({ source: 'heroku', process: this.name, text });
  }

  /** SIGTERM to all its processes, and SIGKILL (R12) to those that are left after the grace. Says no change of state. */
  async shutdown(): Promise<void> {
    const group = this.#end();
    if (!group) return;
    this.say('Stopping all processes with SIGTERM');
    this.#truth('dyno-sigterm');
    group.signal('SIGTERM');
    const cancelGrace = this.#ground.timers.after(TERM_GRACE_MS / this.#ground.scale, () => {
      this.say('Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM');
      this.say('Stopping remaining processes with SIGKILL');
      group.signal('SIGKILL');
    });
    await this.over;
    cancelGrace();
  }

  /** Ends it without ceremony, because its world ends. */
  async kill(): Promise<void> {
    this.#end();
    this.#group?.signal('SIGKILL');
    await this.over;
  }

  /** The running group of a dyno that is not yet being ended. */
  #end(): Group | null {
    if (this.#ending) return null;
    this.#ending = true;
    this.#cancelTimer();
    if (!this.#group) this.#finish(137);
    return this.#group;
  }

  async #awaitClient(meeting: Meeting): Promise<void> {
    this.say('Awaiting client');
    this.#up();
    const cancel = this.#ground.timers.after(ATTACH_WITHIN_MS / this.#ground.scale, meeting.callOff);
    this.#cancelTimer = () => {
      cancel();
      meeting.callOff();
    };
    const client = await meeting.client;
    this.#cancelTimer();
    if (this.#ending) client?.destroy();
    else if (client) await this.#launch(client);
    else {
      this.say('Error R13 (Attach error) -> Failed to attach to process');
      this.#onExit(128);
    }
  }

  async #launch(client?: Duplex): Promise<void> {
    const { type, command, release, size, once } = this.#ask;
    const { app, leash, logs, ports, scale, timers, knobs } = this.#ground;
    const port = type === 'web' ? await ports.take() : null;
    if (this.#ending) return;
    this.#port = port;
    this.say(`Starting process with command \`${command}\``);
    const crashes = type === 'web' && knobs.onlyBoots !== null && knobs.onlyBoots !== release.slug.id;
    const group = this.#ground.start({
      command: crashes ? 'exit 1' : command,
      dir: release.slug.dir,
      env: { ...dynoEnvironment(app, release, { id: this.#id, name: this.name, port }), ...once?.env },
      leash,
      // What goes to a client is not in the log [assumed].
      onLine: client ? undefined : text => logs.emit({ source: 'app', process: this.name, text }),
      onOutput: client ? chunk => client.write(chunk) : once?.onOutput,
    });
    this.#group = group;
    this.#truth('dyno-started');
    const forgetMemory = watchMemory({
      ...{ size, scale, timers, say: text => this.say(text) },
      share: () => knobs.memory?.({ type, release }) ?? 0,
      kill: () => group.signal('SIGKILL'),
    });
    void group.exited.then(status => {
      forgetMemory();
      this.#onExit(status);
    });
    if (client) {
      const after = (ms: number, act: () => void) => timers.after(ms / scale, act);
      attach(client, group, { say: text => this.say(text), after });
      return;
    }
    group.stdin.end();
    if (port === null) this.#up();
    else void this.#awaitPort(group, port, Date.now() + knobs.bootTimeoutMs);
  }

  async #awaitPort(group: Group, port: number, deadline: number): Promise<void> {
    const isUp = await listens(port);
    if (this.#group !== group || this.#ending) return;
    if (isUp) return this.#up();
    if (Date.now() < deadline) {
      this.#cancelTimer = this.#ground.timers.after(PROBE_EVERY_MS, () => void this.#awaitPort(group, port, deadline));
      return;
    }
    const seconds = this.#ground.knobs.bootTimeoutMs / 1000;
    this.say(`Error R10 (Boot timeout) -> Web process failed to bind to $PORT within ${seconds} seconds of launch`);
    this.say('Stopping process with SIGKILL');
    group.signal('SIGKILL');
  }

  #up(): void {
    this.#change('up');
    this.#truth('dyno-up');
  }

  #onExit(status: number): void {
    this.#cancelTimer();
    this.#group = null;
    this.say(`Process exited with status ${status}`);
    this.#truth('dyno-exited');
    if (this.#ask.once) this.#change('complete');
    if (this.#ask.once || this.#ending) {
      this.#finish(status);
    } else {
      this.#change('crashed');
      this.#restartAfterCrash();
    }
  }

  // The first crash is restarted at once; one that follows within 10 minutes cools off for 10, 20, 40 … minutes
  // (dynos article 2014, changelog 344).
  #restartAfterCrash(): void {
    const lived = Date.now() - this.#createdAt.getTime();
    this.#crashes = lived > CRASHES_TOGETHER_MS ? 1 : this.#crashes + 1;
    if (this.#crashes === 1) {
      this.#restart();
    } else {
      const coolOffMs = Math.min(CRASHES_TOGETHER_MS * 2 ** (this.#crashes - 2), LONGEST_COOL_OFF_MS);
      this.#cancelTimer = this.#ground.timers.after(coolOffMs, () => this.#restart());
    }
  }

  #restart(): void {
    this.#id = randomUUID();
    this.#createdAt = new Date();
    this.#change('starting');
    this.start();
  }

  #finish(status: number): void {
    this.#state = this.#ask.once ? 'complete' : 'down';
    this.#ground.dynos.delete(this);
    this.#over.resolve(status);
    this.#ground.onChange();
  }

  #change(to: DynoState): void {
    this.say(`State changed from ${this.#state} to ${to}`);
    this.#state = to;
    this.#updatedAt = new Date();
    this.#ground.onChange();
  }

  #truth(kind: 'dyno-started' | 'dyno-up' | 'dyno-sigterm' | 'dyno-exited'): void {
    this.#ground.onTruth({ kind, at: new Date(), id: this.#id, name: this.name, release: this.release.version });
  }
}
