/** What a line of an app's log says about its dynos, its releases or a request. `at` is Heroku's time, ms since 1970. */
export type LogEvent =
  | { kind: 'state'; at: number; dyno: string; from: string; to: string }
  | { kind: 'restarting'; at: number; dyno: string }
  | { kind: 'sigterm'; at: number; dyno: string }
  | { kind: 'exited'; at: number; dyno: string; status: number }
  | { kind: 'error'; at: number; dyno: string; code: string; text: string }
  /** `begunAt`: when the router took it, as far as its own times tell; the line comes at the end. `byUs`: our probe. */
  | {
      kind: 'request';
      at: number;
      begunAt: number;
      status: number;
      code: string | null;
      serviceMs: number | null;
      byUs: boolean;
    }
  | { kind: 'api'; at: number; text: string }
  /** Lines before this one were dropped: what they said is not known. */
  | { kind: 'gap'; at: number }
  | { kind: 'other'; at: number };

/** In the address of each probe: it keeps answers out of caches, and tells our requests from those of visitors. */
export const PROBE_MARK = 'switchover';

const LINE = /^(\S+) (\w+)\[([^\]]+)\]: (.*)$/s;
/** L10 to L15 (error-codes article, 2024-05): lines were dropped. One that names a drain lost nothing of this session. */
const DROPPED = /^Error L1[0-5]\b(?!.*\bdrain 'd\.)/;
/** The last is another server's turn (help.heroku.com/KR6BGO6A): such a dyno gets no preboot, and need not get a SIGTERM. */
const RESTARTING = /^(?:Restarting$|Cycling$|Relocating dyno\b)/;
const field = (text: string, name: string): string | undefined =>
  new RegExp(`(?:^| )${name}=("[^"]*"|\\S*)`).exec(text)?.[1];

/**
 * Reads `<RFC 3339 time> <source>[<process>]: <message>` (the format and the wordings: logplex and Heroku's logging
 * article). Null for a line that is not of that form, and for an add-on's, which are stamped by a clock of its own.
 */
export function readLogLine(line: string): LogEvent | null {
  const [, time = '', source, process = '', text = ''] = LINE.exec(line) ?? [];
  const at = Date.parse(time);
  if (Number.isNaN(at)) return null;
  if (source === 'app') {
    if (process === 'api') return { kind: 'api', at, text };
    return process.includes('.') ? { kind: 'other', at } : null;
  }
  if (process === 'router') return readRequest(at, text);
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

function readRequest(at: number, text: string): LogEvent {
  const ms = (name: string): number | null => {
    const value = Number.parseInt(field(text, name) ?? '', 10);
    return Number.isNaN(value) ? null : value;
  };
  const code = field(text, 'code') ?? null;
  const serviceMs = ms('service');
  return {
    kind: 'request',
    at,
    begunAt: at - (ms('connect') ?? 0) - (serviceMs ?? 0) - (code === 'H20' ? BOOT_QUEUE_MS : 0),
    status: Number(field(text, 'status') ?? 0),
    code,
    serviceMs,
    byUs: (field(text, 'path') ?? '').includes(`${PROBE_MARK}=`),
  };
}
