import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BUTTONS } from '../commands/buttons.ts';
import { FORMS, OPENS } from '../commands/forms.ts';
import { BoltRig } from './bolt-rig.ts';
import { cases } from './fuzzing.ts';
import { foreignText } from './untrusted.ts';

// Bodies that Slack may send, and any that come with its signature: each is answered, what is kept of it is less than what
// came, and the next one is taken as if nothing had been.

let bench: BoltRig;
/** All that was kept, by its id; once it is worked nothing is left of it in the inbox. */
let kept: [id: string, body: string][];

beforeEach(async () => {
  bench = new BoltRig();
  // They come faster than Slack takes answers: else those that wait for their turn would fill it, and more be turned away.
  bench.pace = { turn: async () => {}, whisper: async () => {}, pause: async () => {} };
  kept = [];
  bench.inbox.take = async (id, body) => {
    if (body !== null) kept.push([id, body]);
    return true;
  };
  await bench.start();
});
afterEach(() => bench.stop());

/** Where nothing of it may be kept: Slack's old verification token, the message and the blocks of the form. */
const SECRET = 'never-to-be-kept';

const names = [...Object.keys(BUTTONS), ...Object.keys(OPENS), ...Object.keys(FORMS), 'no-such-thing'];
const json = fc.jsonValue({ maxDepth: 3 });
const id = fc.oneof(fc.constantFrom('U0ANN', 'C1', 'V1', 'd1', ''), foreignText);
const view = fc.record(
  {
    id,
    type: fc.constantFrom('modal', 'home'),
    callback_id: fc.oneof(fc.constantFrom(...names), foreignText),
    private_metadata: fc.oneof(
      foreignText,
      json.map(value => JSON.stringify(value)),
    ),
    state: fc.oneof(fc.record({ values: fc.dictionary(fc.constantFrom('reason', 'x'), json) }), json),
    blocks: fc.constant([{ type: 'section', text: { type: 'mrkdwn', text: SECRET } }]),
  },
  { requiredKeys: ['id', 'type', 'callback_id', 'state', 'blocks'] },
);
const action = fc.record(
  {
    type: fc.constantFrom('button', 'overflow'),
    action_id: fc.constantFrom(...names),
    block_id: id,
    value: id,
    action_ts: id,
  },
  { requiredKeys: ['type', 'action_id', 'action_ts'] },
);
const payload = fc
  .record(
    {
      type: fc.constantFrom(
        'block_actions',
        'view_submission',
        'view_closed',
        'block_suggestion',
        'shortcut',
        'message_action',
      ),
      channel: fc.oneof(fc.record({ id }), fc.constant(null)),
      container: fc.record({ type: fc.constant('message'), message_ts: id, thread_ts: id, channel_id: id }),
      action_id: fc.constantFrom(...names),
      value: id,
      message: fc.constant({ ts: '5.5', text: SECRET }),
      callback_id: fc.oneof(fc.constantFrom(...names), foreignText),
      actions: fc.array(action, { minLength: 1, maxLength: 2 }),
      view,
      extra: json,
    },
    { requiredKeys: ['type', 'container', 'message', 'action_id', 'actions', 'view', 'callback_id'] },
  )
  // Only presses have them: with them a form would be taken for one.
  .map(({ actions, ...body }) => (body.type === 'block_actions' ? { ...body, actions } : body));
const event = fc.record(
  {
    type: fc.constantFrom('app_mention', 'app_home_opened', 'member_joined_channel', 'x'),
    user: id,
    channel: id,
    ts: id,
    text: foreignText,
    tab: id,
  },
  { requiredKeys: ['type'] },
);

const who = { user: { id: 'U0ANN' }, team: { id: 'T1' }, api_app_id: 'A1', token: SECRET };
type Send = () => Promise<{ status: number }>;
const sent: fc.Arbitrary<Send> = fc.oneof(
  payload.map(
    (body): Send =>
      () =>
        bench.send({ payload: JSON.stringify({ ...body, ...who }) }),
  ),
  foreignText.map(
    (text): Send =>
      () =>
        bench.types(text, {}, text.length % 2 ? '/deploy' : '/maintenance'),
  ),
  fc.tuple(event, fc.uuid(), fc.option(json)).map(
    ([body, event_id, extra]): Send =>
      () =>
        bench.tells(body, { event_id, token: SECRET, extra }),
  ),
  json.map(
    (body): Send =>
      () =>
        bench.send({ payload: JSON.stringify(body) }),
  ),
);

it('a request is answered, whatever is in it, without a secret in what is kept of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(sent, { minLength: 1, maxLength: 3 }), async requests => {
      for (const send of requests) expect((await send()).status).toBeLessThan(500);
      for (const [key, body] of kept) {
        expect(key).not.toBe('undefined');
        expect(body).not.toContain(SECRET);
        expect(typeof JSON.parse(body)).toBe('object');
      }
      kept = [];
      bench.heard.length = 0;
      bench.logged.length = 0;
      expect((await bench.types('status')).status).toBe(200);
      await bench.hears('/respond');
    }),
    cases(12),
  );
});
