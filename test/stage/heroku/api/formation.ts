import type { HerokuApp } from '../app.ts';
import { formationJson } from './json.ts';
import { appOf, type Call, invalid, ok, page, Refused, type Routes } from './routes.ts';

/** Dyno sizes of the Common Runtime, as Heroku writes them (dyno-types article). Any case is taken. */
const SIZES = [
  'Eco',
  'Basic',
  'Standard-1X',
  'Standard-2X',
  'Performance-M',
  'Performance-L',
  'Performance-L-RAM',
  'Performance-XL',
  'Performance-2XL',
];

/** More of one type is refused [assumed]: each is a process of this machine. */
const MOST = 100;

export const formationRoutes: Routes = {
  'GET /apps/:app/formation': call => {
    const app = appOf(call);
    return page(app.formation, call.range, entry => formationJson(app, entry));
  },
  'GET /apps/:app/formation/:type': call => {
    const app = appOf(call);
    return ok(formationJson(app, entryOf(app, call.params.type ?? '')));
  },
  'PATCH /apps/:app/formation': call => {
    const { updates } = call.body;
    if (!Array.isArray(updates)) throw invalid('Updates must be a list.');
    return ok(scale(call, updates));
  },
  'PATCH /apps/:app/formation/:type': call => ok(scale(call, [{ ...call.body, type: call.params.type }])[0]),
};

/** The size that is meant, or a refusal. */
export function sizeOf(asked: unknown): string {
  const size = SIZES.find(known => known.toLowerCase() === String(asked).toLowerCase());
  if (!size) throw invalid(`There is no dyno size ${asked}.`);
  return size;
}

export function entryOf(app: HerokuApp, type: string): HerokuApp['formation'][number] {
  const entry = app.formation.find(known => known.type === type || known.id === type);
  if (!entry) throw new Refused(404, 'not_found', `Couldn't find that process type (${type}).`);
  return entry;
}

/** All of it or nothing. The CLI sends `size` where the schema says `dyno_size.name`: both are taken. */
function scale(call: Call, updates: unknown[]): object[] {
  const app = appOf(call);
  const changed = updates.map(update => {
    if (typeof update !== 'object' || update === null) throw invalid('Updates must be objects.');
    const { type, quantity, size, dyno_size: named } = update as Record<string, unknown>;
    const entry = entryOf(app, String(type));
    const wanted = size ?? (named as { name?: unknown } | null | undefined)?.name;
    return {
      entry,
      quantity: quantity === undefined ? entry.quantity : quantityOf(quantity, entry.quantity),
      size: wanted === undefined ? entry.size : sizeOf(wanted),
    };
  });
  for (const { entry, ...change } of changed) Object.assign(entry, change, { updatedAt: new Date() });
  const entries = changed.map(({ entry }) => entry);
  const now = entries.map(({ type, quantity, size }) => `${type}@${quantity}:${size}`).join(' ');
  app.say(`Scaled to ${now} by user ${call.user.email}`);
  app.runtime.scale(entries);
  return entries.map(entry => formationJson(app, entry));
}

/** A number, or what the CLI sends: `3`, and `+1` for one more than now. */
function quantityOf(asked: unknown, now: number): number {
  const [, sign, digits] = (typeof asked === 'string' && /^([+-]?)(\d+)$/.exec(asked)) || [];
  const quantity = digits ? (sign ? now : 0) + Number(`${sign}${digits}`) : asked;
  if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 0)
    throw invalid('Quantity must be a whole number, and not less than none.');
  if (quantity > MOST) throw invalid(`Cannot scale to more than ${MOST} dynos of a process type.`);
  return quantity;
}
