import { z } from 'zod';

// What blocks are made of, with Slack's limits (docs.slack.dev, reference/block-kit): nothing more than these is taken.

const words = (most: number) => z.string().min(1).max(most);
export const identifier = words(255).optional();

export const plainText = (most: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: words(most), emoji: z.boolean().optional() });

export const anyText = (most: number) =>
  z.discriminatedUnion('type', [
    plainText(most),
    z.strictObject({ type: z.literal('mrkdwn'), text: words(most), verbatim: z.boolean().optional() }),
  ]);

const confirm = z.strictObject({
  title: plainText(100),
  text: anyText(300),
  confirm: plainText(30),
  deny: plainText(30),
  style: z.enum(['primary', 'danger']).optional(),
});

const option = z.strictObject({
  text: anyText(75),
  value: words(150),
  description: anyText(75).optional(),
  url: words(3000).optional(),
});

const action = { action_id: identifier, confirm: confirm.optional() };
const choice = { ...action, placeholder: plainText(150).optional(), focus_on_load: z.boolean().optional() };
const picked = (most: number) => z.array(option).min(1).max(most);

const button = z.strictObject({
  ...action,
  type: z.literal('button'),
  text: plainText(75),
  value: words(2000).optional(),
  url: words(3000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
  accessibility_label: words(75).optional(),
});

const groups = z
  .array(z.strictObject({ label: plainText(75), options: picked(100) }))
  .min(1)
  .max(100);
/** One list of options, or several with a name each. */
const listed = { options: picked(100).optional(), option_groups: groups.optional() };
const hasOneList = ({ options, option_groups }: { options?: unknown; option_groups?: unknown }): boolean =>
  (options === undefined) !== (option_groups === undefined);
const ONE_LIST = 'missing required field: options or option_groups';

const one = { ...choice, initial_option: option.optional() };
const some = {
  ...choice,
  initial_options: z.array(option).optional(),
  max_selected_items: z.number().int().min(1).optional(),
};
const query = { min_query_length: z.number().int().min(0).optional() };
const filter = z
  .strictObject({
    include: z.array(z.enum(['im', 'mpim', 'private', 'public'])).min(1),
    exclude_external_shared_channels: z.boolean(),
    exclude_bot_users: z.boolean(),
  })
  .partial();
const conversations = {
  filter: filter.optional(),
  default_to_current_conversation: z.boolean().optional(),
  response_url_enabled: z.boolean().optional(),
};
const ids = z.array(words(20)).optional();
const most = { max_selected_items: z.number().int().min(1).optional() };

const selects = [
  z.strictObject({ ...one, ...listed, type: z.literal('static_select') }).refine(hasOneList, ONE_LIST),
  z.strictObject({ ...one, ...query, type: z.literal('external_select') }),
  z.strictObject({ ...choice, type: z.literal('users_select'), initial_user: words(20).optional() }),
  z.strictObject({
    ...choice,
    ...conversations,
    type: z.literal('conversations_select'),
    initial_conversation: words(20).optional(),
  }),
  z.strictObject({ ...choice, type: z.literal('channels_select'), initial_channel: words(20).optional() }),
] as const;

const multiSelects = [
  z.strictObject({ ...some, ...listed, type: z.literal('multi_static_select') }).refine(hasOneList, ONE_LIST),
  z.strictObject({ ...some, ...query, type: z.literal('multi_external_select') }),
  z.strictObject({ ...choice, ...most, type: z.literal('multi_users_select'), initial_users: ids }),
  z.strictObject({
    ...choice,
    ...most,
    ...conversations,
    type: z.literal('multi_conversations_select'),
    initial_conversations: ids,
  }),
  z.strictObject({ ...choice, ...most, type: z.literal('multi_channels_select'), initial_channels: ids }),
] as const;

const pickers = [
  z.strictObject({ ...choice, type: z.literal('datepicker'), initial_date: z.iso.date().optional() }),
  z.strictObject({
    ...choice,
    type: z.literal('timepicker'),
    initial_time: z.iso.time({ precision: -1 }).optional(),
    timezone: words(100).optional(),
  }),
  z.strictObject({
    ...action,
    focus_on_load: z.boolean().optional(),
    type: z.literal('datetimepicker'),
    initial_date_time: z.number().int().min(1_000_000_000).max(9_999_999_999).optional(),
  }),
] as const;

const overflow = z.strictObject({ ...action, type: z.literal('overflow'), options: picked(5) });
const marks = { ...action, options: picked(10), focus_on_load: z.boolean().optional() };
const checkboxes = z.strictObject({
  ...marks,
  type: z.literal('checkboxes'),
  initial_options: z.array(option).optional(),
});
const radioButtons = z.strictObject({
  ...marks,
  type: z.literal('radio_buttons'),
  initial_option: option.optional(),
});

const typed = {
  action_id: identifier,
  placeholder: plainText(150).optional(),
  focus_on_load: z.boolean().optional(),
  dispatch_action_config: z
    .strictObject({ trigger_actions_on: z.array(z.enum(['on_enter_pressed', 'on_character_entered'])).min(1) })
    .optional(),
};
const textInput = z.strictObject({
  ...typed,
  type: z.literal('plain_text_input'),
  initial_value: z.string().optional(),
  multiline: z.boolean().optional(),
  min_length: z.number().int().min(0).max(3000).optional(),
  max_length: z.number().int().min(1).max(3000).optional(),
});
const numberInput = z.strictObject({
  ...typed,
  type: z.literal('number_input'),
  is_decimal_allowed: z.boolean(),
  initial_value: words(50).optional(),
  min_value: words(50).optional(),
  max_value: words(50).optional(),
});

export const image = {
  type: z.literal('image'),
  image_url: words(3000),
  alt_text: words(2000),
};

const marked = [checkboxes, radioButtons] as const;

/** What may be pressed or chosen. */
export const actionElement = z.discriminatedUnion('type', [button, overflow, ...selects, ...pickers, ...marked]);
export const accessory = z.discriminatedUnion('type', [
  button,
  overflow,
  ...selects,
  ...multiSelects,
  ...pickers,
  ...marked,
  z.strictObject(image),
]);
export const inputElement = z.discriminatedUnion('type', [
  textInput,
  numberInput,
  ...selects,
  ...multiSelects,
  ...pickers,
  ...marked,
]);
/** What the bot answers when somebody types into a menu that it fills: one list, or several with a name each. */
export const suggestions = z
  .strictObject({ options: z.array(option).max(100).optional(), option_groups: groups.optional() })
  .refine(hasOneList, ONE_LIST);
export const contextElement = z.discriminatedUnion('type', [
  plainText(2000),
  z.strictObject({ type: z.literal('mrkdwn'), text: words(2000), verbatim: z.boolean().optional() }),
  z.strictObject(image),
]);

const style = z
  .strictObject({ bold: z.boolean(), italic: z.boolean(), strike: z.boolean(), code: z.boolean() })
  .partial()
  .optional();

const richElement = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: words(3000), style }),
  z.strictObject({ type: z.literal('link'), url: words(3000), text: z.string().optional(), style }),
  z.strictObject({ type: z.literal('user'), user_id: words(20), style }),
  z.strictObject({ type: z.literal('channel'), channel_id: words(20), style }),
  z.strictObject({ type: z.literal('emoji'), name: words(100), unicode: z.string().optional(), style }),
  z.strictObject({ type: z.literal('broadcast'), range: z.enum(['here', 'channel', 'everyone']), style }),
  z.strictObject({
    type: z.literal('date'),
    timestamp: z.number().int(),
    format: words(200),
    fallback: z.string().optional(),
    url: words(3000).optional(),
    style,
  }),
]);

const richSection = z.strictObject({ type: z.literal('rich_text_section'), elements: z.array(richElement) });

export const richText = z.strictObject({
  type: z.literal('rich_text'),
  block_id: identifier,
  elements: z
    .array(
      z.discriminatedUnion('type', [
        richSection,
        z.strictObject({ type: z.literal('rich_text_quote'), elements: z.array(richElement) }),
        z.strictObject({ type: z.literal('rich_text_preformatted'), elements: z.array(richElement) }),
        z.strictObject({
          type: z.literal('rich_text_list'),
          style: z.enum(['bullet', 'ordered']),
          elements: z.array(richSection),
          indent: z.number().int().optional(),
        }),
      ]),
    )
    .min(1),
});

export type RichElement = z.infer<typeof richElement>;
export type RichText = z.infer<typeof richText>;
export type Option = z.infer<typeof option>;
