import type { HerokuApp, User } from '../app.ts';
import type { Platform } from '../platform.ts';

/** What a call asks, once it is known to be allowed. */
export type Call = {
  platform: Platform;
  user: User;
  /** Parts of the path that the route names, decoded. */
  params: Record<string, string>;
  body: Record<string, unknown>;
  range: string;
  /** Our own address, for the streams. */
  base: string;
};

/** An answer of Heroku's that is not what was asked for. */
export class Refused extends Error {
  readonly status: number;
  readonly id: string;

  constructor(status: number, id: string, message: string) {
    super(message);
    this.status = status;
    this.id = id;
  }
}

export type Reply = { status: number; json: unknown; headers?: Record<string, string> };
export type Handler = (call: Call) => Reply | Promise<Reply>;

/** `GET /apps/:app/dynos/:dyno` → what answers it. */
export type Routes = Record<string, Handler>;

export const ok = (json: unknown): Reply => ({ status: 200, json });
export const created = (json: unknown): Reply => ({ status: 201, json });
export const accepted: Reply = { status: 202, json: {} };

export const notFound = (what: string): Refused => new Refused(404, 'not_found', `Couldn't find that ${what}.`);
export const invalid = (message: string): Refused => new Refused(422, 'invalid_params', message);

export function appOf({ platform, params }: Call): HerokuApp {
  const app = platform.find(params.app ?? '');
  if (!app) throw notFound('app');
  return app;
}

/** A page of a list as `Range: version ..; order=desc,max=10` asks: 206 and `Next-Range` when there is more. */
export function page<T>(
  items: T[],
  range: string,
  keys: Record<string, (item: T) => string | number>,
): Reply & { items: T[] } {
  const [what = '', ...options] = range.split(';');
  const [, key = 'id', from = '', to = ''] = /^\s*(\w+)\s+(\]?[^.\s]*)\.\.([^\s]*)\s*$/.exec(what) ?? [];
  const by = keys[key];
  if (!by) throw new Refused(416, 'requested_range_not_satisfiable', `Range by ${key} is not supported.`);
  const settings = new Map(
    options
      .join(',')
      .split(',')
      .map(option => option.trim().split('=') as [string, string]),
  );
  const most = Math.min(Number(settings.get('max') ?? 200), 1000);
  const descending = settings.get('order') === 'desc';
  const exclusive = from.startsWith(']');
  const start = from.replace(/^\]/, '');
  const compare = (a: string | number, b: string | number): number =>
    typeof a === 'number' ? a - Number(b) : a.localeCompare(String(b));
  const sorted = [...items].sort((a, b) => compare(by(a), by(b)) * (descending ? -1 : 1));
  const within = sorted.filter(item => {
    const first = start === '' ? 1 : compare(by(item), start) * (descending ? -1 : 1);
    const last = to === '' ? -1 : compare(by(item), to) * (descending ? -1 : 1);
    return (exclusive ? first > 0 : first >= 0) && last <= 0;
  });
  const shown = within.slice(0, most);
  const end = (item: T | undefined): string => (item === undefined ? '' : String(by(item)));
  const headers: Record<string, string> = {
    'Accept-Ranges': Object.keys(keys).join(', '),
    'Content-Range': `${key} ${end(shown[0])}..${end(shown.at(-1))}; max=${most}${descending ? ', order=desc' : ''}`,
  };
  const more = within.length > shown.length;
  if (more)
    headers['Next-Range'] = `${key} ]${end(shown.at(-1))}..${to}; max=${most}${descending ? ', order=desc' : ''}`;
  return { status: more ? 206 : 200, json: null, headers, items: shown };
}
