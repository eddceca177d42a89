import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Block, named, readBlocks, validateBlocks } from './blocks.ts';
import { plainText } from './elements.ts';
import { type Method, method, type Stage } from './method.ts';
import { SlackError } from './slack-error.ts';
import { viewJson } from './view-json.ts';

/** Forms that one person may have on top of each other. */
const STACK = 3;

const common = {
  blocks: z.array(z.unknown()),
  private_metadata: z.string().max(3000).optional(),
  callback_id: z.string().max(255).optional(),
  external_id: z.string().max(255).optional(),
};
const shape = z.discriminatedUnion('type', [
  z.strictObject({
    ...common,
    type: z.literal('modal'),
    title: plainText(24),
    submit: plainText(24).optional(),
    close: plainText(24).optional(),
    clear_on_close: z.boolean().optional(),
    notify_on_close: z.boolean().optional(),
  }),
  z.strictObject({ ...common, type: z.literal('home') }),
]);

/** What Slack would object to in a form or a Home. */
export function validateView(view: unknown): string[] {
  const read = shape.safeParse(view);
  if (!read.success) return read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return validateBlocks(read.data.blocks, read.data.type);
}

type Kept = {
  id: string;
  hash: string;
  user: string;
  blocks: Block[];
  /** Ids of the form below it, and of the lowest. */
  previous: string | null;
  root: string;
};
type Known<V> = V extends unknown ? Omit<V, 'blocks'> & Kept : never;
export type View = Known<z.infer<typeof shape>>;

/** Forms that are open, the uppermost last, and each person's Home. */
export type Views = { open: View[]; home: Map<string, View> };

const ask = { view: z.unknown() };
const trigger = { ...ask, trigger_id: z.string().min(1) };

export const VIEWS: Record<string, Method> = {
  'views.open': method({ tier: 4 }, trigger, ({ view, trigger_id }, stage) => {
    const made = make(view, 'modal', stage.triggers.use(trigger_id), stage);
    stage.views.open = [...stage.views.open.filter(({ user }) => user !== made.user), made];
    return shown(made, stage);
  }),

  'views.push': method({ tier: 4 }, trigger, ({ view, trigger_id }, stage) =>
    shown(push(view, stage.triggers.use(trigger_id), stage), stage),
  ),

  'views.update': method(
    { tier: 4 },
    { ...ask, view_id: z.string().optional(), external_id: z.string().optional(), hash: z.string().optional() },
    ({ view, view_id, external_id, hash }, stage) => {
      const old = stage.views.open.find(({ id, external_id: name }) =>
        view_id ? id === view_id : external_id !== undefined && name === external_id,
      );
      if (!old) throw new SlackError('not_found');
      if (hash !== undefined && hash !== old.hash) throw new SlackError('hash_conflict');
      return shown(replace(old, view, stage), stage);
    },
  ),

  'views.publish': method(
    { tier: 4 },
    { ...ask, user_id: z.string().min(1), hash: z.string().optional() },
    ({ view, user_id, hash }, stage) => {
      if (!stage.workspace.users.has(user_id)) throw new SlackError('user_not_found');
      const old = stage.views.home.get(user_id);
      if (hash !== undefined && hash !== old?.hash) throw new SlackError('hash_conflict');
      const made = make(view, 'home', user_id, stage);
      if (old) Object.assign(made, { id: old.id, root: old.id });
      stage.views.home.set(user_id, made);
      return shown(made, stage);
    },
  ),
};

/** A form on top of what that person has open. */
export function push(view: unknown, user: string, stage: Stage): View {
  const mine = stage.views.open.filter(open => open.user === user);
  const below = mine.at(-1);
  if (!below) throw new SlackError('not_found');
  if (mine.length >= STACK) throw new SlackError('push_limit_reached');
  const made = { ...make(view, 'modal', user, stage), previous: below.id, root: below.root };
  stage.views.open.push(made);
  return made;
}

/** Another form in the place of one that is open. */
export function replace(old: View, view: unknown, stage: Stage): View {
  const { id, previous, root } = old;
  const made = { ...make(view, 'modal', old.user, stage), id, previous, root };
  stage.views.open = stage.views.open.map(open => (open === old ? made : open));
  return made;
}

function shown(view: View, { workspace }: Stage): { view: Record<string, unknown> } {
  workspace.emit('view', view.user);
  return { view: viewJson(view, workspace) };
}

function make(view: unknown, surface: 'modal' | 'home', user: string, stage: Stage): View {
  const read = shape.safeParse(view);
  const blocks = read.success ? read.data.blocks : [];
  const problems = read.success
    ? validateBlocks(blocks, surface)
    : read.error.issues.map(({ path, message }) => `[ERROR] ${message} [json-pointer:/view/${path.join('/')}]`);
  if (read.success && read.data.type !== surface)
    problems.push(`[ERROR] must be a ${surface} [json-pointer:/view/type]`);
  if (!read.success || problems.length > 0) throw new SlackError('invalid_arguments', problems);
  const known = named(readBlocks(blocks), stage.workspace.name);
  const { data } = read;
  if (data.type === 'modal' && !data.submit && known.some(({ type }) => type === 'input')) {
    throw new SlackError('invalid_arguments', ['[ERROR] submit is required with an input [json-pointer:/view/submit]']);
  }
  if (JSON.stringify(view).length > 250_000) throw new SlackError('view_too_large');
  if (data.external_id && stage.views.open.some(open => open.external_id === data.external_id && open.user !== user)) {
    throw new SlackError('duplicate_external_id');
  }
  const unique = () => randomBytes(6).toString('hex').toUpperCase();
  const id = `V${unique()}`;
  return { ...data, blocks: known, id, hash: `${Date.now()}.${unique()}`, user, previous: null, root: id };
}
