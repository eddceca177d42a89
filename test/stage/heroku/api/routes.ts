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

export const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export function appOf({ platform, params }: Call): HerokuApp {
  const app = platform.find(params.app ?? '');
  if (!app) throw notFound('app');
  return app;
}

type Key = string | number;

/**
 * A page of a list as `Range: version ..; order=desc,max=10` asks, by id when it asks nothing: 206 and `Next-Range` when
 * there is more (Platform API reference, "Ranges").
 */
export function page<T extends { id: string }>(
  items: readonly T[],
  range: string,
  show: (item: T) => object,
  more: Record<string, (item: T) => Key> = {},
): Reply {
  const keys: Record<string, (item: T) => Key> = { id: item => item.id, ...more };
  const { key, exclusive, from, to, most, order } = readRange(range);
  const by = keys[key];
  if (!by) throw unsatisfiable(`Range by ${key} is not supported.`);
  if (items.some(item => typeof by(item) === 'number') && [from, to].some(end => !/^\d*$/.test(end))) {
    throw unsatisfiable(`Range ${range} cannot be read.`);
  }
  const direction = order === 'desc' ? -1 : 1;
  const compare = (a: Key, b: Key): number =>
    direction * (typeof a === 'number' ? a - Number(b) : Number(a > b) - Number(a < b));
  const within = items
    .toSorted((a, b) => compare(by(a), by(b)))
    .filter(item => {
      const past = from === '' ? 1 : compare(by(item), from);
      return past >= (exclusive ? 1 : 0) && (to === '' || compare(by(item), to) <= 0);
    });
  const shown = within.slice(0, most);
  const [first, last] = [shown.at(0), shown.at(-1)].map(item => (item ? by(item) : ''));
  const options = `max=${most}${order ? `, order=${order}` : ''}`;
  const isCut = within.length > shown.length;
  return {
    status: isCut ? 206 : 200,
    json: shown.map(show),
    headers: {
      'Accept-Ranges': Object.keys(keys).join(', '),
      'Content-Range': `${key} ${first}..${last}; ${options}`,
      ...(isCut && { 'Next-Range': `${key} ]${last}..${to}; ${options}` }),
    },
  };
}

/** Options are separated by `,` and by `;`: clients send both. More than 1000 is refused [assumed: not cut]. */
function readRange(range: string) {
  const [what = '', ...options] = range.split(/[;,]/);
  const [, key, bracket, from = '', to = ''] = /^\s*(\w+)\s+(\]?)([^\s.]*)\.\.([^\s.]*)\s*$/.exec(what) ?? [];
  const asked = Object.fromEntries(options.map(option => option.trim().split('=')));
  const most = Number(asked.max ?? 200);
  const isOrder = asked.order === undefined || asked.order === 'asc' || asked.order === 'desc';
  if (!key || !isOrder || !Number.isInteger(most) || most < 1 || most > 1000)
    throw unsatisfiable(`Range ${range} cannot be read.`);
  return { key, exclusive: bracket === ']', from, to, most, order: asked.order as 'asc' | 'desc' | undefined };
}

function unsatisfiable(message: string): Refused {
  return new Refused(416, 'requested_range_not_satisfiable', message);
}
