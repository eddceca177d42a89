/** What a line of an app's log says about its dynos, its releases or a request. `at` is Heroku's time, ms since 1970. */
export type LogEvent =
  | { kind: 'state'; at: number; dyno: string; from: string; to: string }
  | { kind: 'restarting'; at: number; dyno: string }
  | { kind: 'sigterm'; at: number; dyno: string }
  | { kind: 'exited'; at: number; dyno: string; status: number }
  | { kind: 'error'; at: number; dyno: string; code: string; text: string }
  /**
   * `begunAt`: when the router took it, as far as its own times tell; the line comes at the end. `byUs`: our probe; null for
   * a mark that we do not know, which may be that of another process of ours, or anybody's.
   */
  | {
      kind: 'request';
      at: number;
      begunAt: number;
      status: number;
      code: string | null;
      serviceMs: number | null;
      byUs: boolean | null;
    }
  | { kind: 'api'; at: number; text: string }
  /** Lines before this one were dropped: what they said is not known. */
  | { kind: 'gap'; at: number }
  | { kind: 'other'; at: number };

/** In the address of each probe, with a value by chance: answers of caches are none, and visitors cannot pass for us. */
export const PROBE_MARK = 'switchover';
const MARKED = new RegExp(`[?&]${PROBE_MARK}=(\\w*)`);

const LINE = /^(\S+) (\w+)\[([^\]]+)\]: (.*)$/s;
/** L10 to L15 (error-codes article, 2024-05): lines were dropped. One that names a drain lost nothing of this session. */
const DROPPED = /^Error L1[0-5]\b(?!.*\bdrain 'd\.)/;
/** The last is another server's turn (help.heroku.com/KR6BGO6A): such a dyno gets no preboot, and need not get a SIGTERM. */
const RESTARTING = /^(?:Restarting$|Cycling$|Relocating dyno\b)/;
/**
 * Reads `<RFC 3339 time> <source>[<process>]: <message>` (the format and the wordings: logplex and Heroku's logging
 * article). Null for a line that is not of that form, and for an add-on's, which are stamped by a clock of its own.
 * `isOurs` knows the marks of the probes that were sent.
 */
export function readLogLine(line: string, isOurs: (mark: string) => boolean = () => false): LogEvent | null {
  const [, time = '', source, process = '', text = ''] = LINE.exec(line) ?? [];
  const at = Date.parse(time);
  if (Number.isNaN(at)) return null;
  if (source === 'app') {
    if (process === 'api') return { kind: 'api', at, text };
    return process.includes('.') ? { kind: 'other', at } : null;
  }
  if (process === 'router') return readRequest(at, text, isOurs);
  if (process === 'logplex' || source === 'logplex') return { kind: DROPPED.test(text) ? 'gap' : 'other', at };

  const state = /^State changed from (\w+) to (\w+)$/.exec(text);
  if (state?.[1] && state[2]) return { kind: 'state', at, dyno: process, from: state[1], to: state[2] };
  if (RESTARTING.test(text)) return { kind: 'restarting', at, dyno: process };
  if (text.startsWith('Stopping all processes with SIGTERM')) return { kind: 'sigterm', at, dyno: process };
  const exited = /^Process exited with status (\d+)/.exec(text);
  if (exited) return { kind: 'exited', at, dyno: process, status: Number(exited[1]) };
  const error = /^Error (R\d+) (.*)$/.exec(text);
  if (error?.[1] && error[2]) return { kind: 'error', at, dyno: process, code: error[1], text: error[2] };
  return { kind: 'other', at };
}

/** A router keeps a request for 75 s while the app boots (H20, error-codes article). */
const BOOT_QUEUE_MS = 75_000;

/** What stands after `name=` there, without its quotes; undefined where there is no such pair. */
function valueAt(text: string, name: string, at: number): string | undefined {
  if (at < 0) return undefined;
  const from = at + name.length + 1;
  const [begin, end] = text[from] === '"' ? [from + 1, text.indexOf('"', from + 1)] : [from, text.indexOf(' ', from)];
  return text.slice(begin, end < 0 ? undefined : end);
}

/**
 * The pairs of a router's line (http-routing article): `at`, `code`, `desc`, `method`, `path`, `host`, `request_id`, `fwd`,
 * `dyno`, `connect`, `service`, `status`, … A visitor chooses what is in `path` and `fwd`, quotes perhaps included. So a
 * `code` counts only before them, and of what the router says after them, the last.
 */
function readRequest(at: number, text: string, isOurs: (mark: string) => boolean): LogEvent {
  const pathAt = text.indexOf('path=');
  const codeAt = text.indexOf('code=');
  const last = (name: string): string => valueAt(text, name, text.lastIndexOf(` ${name}=`) + 1 || -1) ?? '';
  const ms = (name: string): number | null => {
    const value = Number.parseInt(last(name), 10);
    return Number.isNaN(value) ? null : value;
  };
  const code = (codeAt < pathAt && valueAt(text, 'code', codeAt)) || null;
  const path = valueAt(text, 'path', pathAt) ?? '';
  const serviceMs = ms('service');
  const mark = MARKED.exec(path)?.[1];
  return {
    kind: 'request',
    at,
    begunAt: at - (ms('connect') ?? 0) - (serviceMs ?? 0) - (code === 'H20' ? BOOT_QUEUE_MS : 0),
    status: Number(last('status') || 0),
    code,
    serviceMs,
    byUs: mark === undefined ? false : isOurs(mark) || null,
  };
}
