import type { HerokuRecord, LocalHeroku } from '../heroku/heroku.ts';
import type { AppSeen, DynoSeen, SecondSeen } from './shapes.ts';

const SECONDS_SHOWN = 60;
/** The bot's probes carry this in their query. */
const PROBE = /[?&]switchover=/;

type Tally = {
  dynos: Map<string, DynoSeen>;
  routers: Map<number, number>;
  seconds: Map<number, SecondSeen>;
  requests: number;
  failed: number;
  failures: Map<string, number>;
};

/** What really happens at the local Heroku, told from its records: its own API shows only a part of it. */
export class HerokuBoard {
  readonly #tallies = new Map<string, Tally>();

  take(record: HerokuRecord): void {
    if (record.record === 'call') return;
    const tally = this.#tallyOf(record.app);
    if (record.record === 'request') {
      if (!PROBE.test(record.path)) count(tally, record);
      return;
    }
    switch (record.kind) {
      case 'router-flipped':
        tally.routers.set(record.router, record.release);
        break;
      case 'dyno-started':
      case 'dyno-up':
      case 'dyno-sigterm': {
        const { id, name, release } = record;
        tally.dynos.set(id, { id, name, release, state: STATE[record.kind] });
        break;
      }
      case 'dyno-exited':
        leave(tally, record.id);
        break;
      case 'switched':
        break;
      default:
        record satisfies never;
    }
  }

  apps({ platform }: LocalHeroku): AppSeen[] {
    const now = Math.floor(Date.now() / 1000);
    return platform.apps.map(app => {
      const { dynos, routers, seconds, requests, failed, failures } = this.#tallyOf(app.name);
      const { knobs, url } = app.runtime;
      const known = new Set(app.runtime.dynos().map(({ id }) => id));
      const shown = [...dynos.values()].filter(({ id, state }) => state !== 'crashed' || known.has(id));
      return {
        name: app.name,
        url,
        maintenance: app.maintenance,
        current: app.current?.version ?? null,
        routers: [...routers.entries()].sort(([a], [b]) => a - b).map(([, release]) => release),
        dynos: shown.sort((a, b) => a.release - b.release || a.name.localeCompare(b.name)),
        seconds: Array.from({ length: SECONDS_SHOWN }, (_, index) => {
          const at = now - SECONDS_SHOWN + index;
          return seconds.get(at) ?? { at, answered: {}, failed: 0 };
        }),
        requests,
        failed,
        failures: Object.fromEntries(failures),
        knobs: { crash: knobs.onlyBoots !== null, slowBoot: knobs.bootDelayMs > 0 },
      };
    });
  }

  #tallyOf(app: string): Tally {
    const known = this.#tallies.get(app);
    if (known) return known;
    const fresh = { dynos: new Map(), routers: new Map(), seconds: new Map(), failures: new Map() };
    const tally: Tally = { ...fresh, requests: 0, failed: 0 };
    this.#tallies.set(app, tally);
    return tally;
  }
}

const STATE = { 'dyno-started': 'booting', 'dyno-up': 'up', 'dyno-sigterm': 'stopping' } as const;

/** One that was not asked to leave has crashed, and stands there until its place is taken. */
function leave({ dynos }: Tally, id: string): void {
  const dyno = dynos.get(id);
  if (dyno?.state === 'stopping' || dyno?.name.startsWith('run.')) dynos.delete(id);
  else if (dyno) dynos.set(id, { ...dyno, state: 'crashed' });
}

function count(tally: Tally, { at, dyno, status, code }: Extract<HerokuRecord, { record: 'request' }>): void {
  const { seconds, failures } = tally;
  const second = Math.floor(at.getTime() / 1000);
  const seen = seconds.get(second) ?? { at: second, answered: {}, failed: 0 };
  seconds.set(second, seen);
  tally.requests++;
  if (status >= 500) {
    tally.failed++;
    seen.failed++;
    const why = code ?? String(status);
    failures.set(why, (failures.get(why) ?? 0) + 1);
  } else if (dyno) {
    const release = `v${dyno.release}`;
    seen.answered[release] = (seen.answered[release] ?? 0) + 1;
  }
  for (const old of seconds.keys()) {
    if (old >= second - 2 * SECONDS_SHOWN) break;
    seconds.delete(old);
  }
}
