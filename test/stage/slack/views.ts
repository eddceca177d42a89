import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Block, readBlocks, validateBlocks } from './blocks.ts';
import { plainText } from './elements.ts';
import { type Method, method, type Stage } from './method.ts';
import { SlackError } from './slack-error.ts';
import { BOT } from './workspace.ts';

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

export type View = Omit<z.infer<typeof shape>, 'blocks'> & { id: string; hash: string; user: string; blocks: Block[] };

/** Forms that are open, the uppermost last, and each person's Home. */
export type Views = { open: View[]; home: Map<string, View> };

const ask = { view: z.unknown() };
const trigger = { ...ask, trigger_id: z.string().min(1) };

export const VIEWS: Record<string, Method> = {
  'views.open': method({ tier: 4 }, trigger, ({ view, trigger_id }, stage) => {
    const made = make(view, 'modal', stage.triggers.use(trigger_id), stage);
    stage.views.open = [...stage.views.open.filter(({ user }) => user !== made.user), made];
    return { view: viewJson(made, stage) };
  }),

  'views.push': method({ tier: 4 }, trigger, ({ view, trigger_id }, stage) => {
    const made = make(view, 'modal', stage.triggers.use(trigger_id), stage);
    const below = stage.views.open.filter(({ user }) => user === made.user).length;
    if (below === 0) throw new SlackError('not_found');
    if (below >= STACK) throw new SlackError('push_limit_reached');
    stage.views.open.push(made);
    return { view: viewJson(made, stage) };
  }),

  'views.update': method(
    { tier: 4 },
    { ...ask, view_id: z.string().optional(), external_id: z.string().optional(), hash: z.string().optional() },
    ({ view, view_id, external_id, hash }, stage) => {
      const index = stage.views.open.findIndex(({ id, external_id: name }) =>
        view_id ? id === view_id : external_id !== undefined && name === external_id,
      );
      const old = stage.views.open[index];
      if (!old) throw new SlackError('not_found');
      if (hash !== undefined && hash !== old.hash) throw new SlackError('hash_conflict');
      const made = { ...make(view, 'modal', old.user, stage), id: old.id };
      stage.views.open[index] = made;
      return { view: viewJson(made, stage) };
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
      stage.views.home.set(user_id, made);
      return { view: viewJson(made, stage) };
    },
  ),
};

function make(view: unknown, surface: 'modal' | 'home', user: string, stage: Stage): View {
  const read = shape.safeParse(view);
  const blocks = read.success ? read.data.blocks : [];
  const problems = read.success
    ? validateBlocks(blocks, surface)
    : read.error.issues.map(({ path, message }) => `[ERROR] ${message} [json-pointer:/view/${path.join('/')}]`);
  if (read.success && read.data.type !== surface)
    problems.push(`[ERROR] must be a ${surface} [json-pointer:/view/type]`);
  if (!read.success || problems.length > 0) throw new SlackError('invalid_arguments', problems);
  const known = readBlocks(blocks);
  const { data } = read;
  if (data.type === 'modal' && !data.submit && known.some(({ type }) => type === 'input')) {
    throw new SlackError('invalid_arguments', ['[ERROR] submit is required with an input [json-pointer:/view/submit]']);
  }
  if (JSON.stringify(view).length > 250_000) throw new SlackError('view_too_large');
  if (data.external_id && stage.views.open.some(open => open.external_id === data.external_id && open.user !== user)) {
    throw new SlackError('duplicate_external_id');
  }
  const unique = () => randomBytes(6).toString('hex').toUpperCase();
  return { ...data, blocks: known, id: `V${unique()}`, hash: `${Date.now()}.${unique()}`, user };
}

const viewJson = ({ user: _, ...view }: View, { workspace }: Stage) => ({
  ...view,
  team_id: workspace.team.id,
  app_id: BOT.app,
  bot_id: BOT.id,
  state: { values: {} },
});
