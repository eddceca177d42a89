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

const staticSelect = z.strictObject({
  ...choice,
  type: z.literal('static_select'),
  options: picked(100),
  initial_option: option.optional(),
});

const externalSelect = z.strictObject({
  ...choice,
  type: z.literal('external_select'),
  initial_option: option.optional(),
  min_query_length: z.number().int().min(0).optional(),
});

const usersSelect = z.strictObject({ ...choice, type: z.literal('users_select'), initial_user: words(20).optional() });
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

const textInput = z.strictObject({
  type: z.literal('plain_text_input'),
  action_id: identifier,
  placeholder: plainText(150).optional(),
  initial_value: z.string().optional(),
  multiline: z.boolean().optional(),
  min_length: z.number().int().min(0).max(3000).optional(),
  max_length: z.number().int().min(1).max(3000).optional(),
  focus_on_load: z.boolean().optional(),
});

export const image = {
  type: z.literal('image'),
  image_url: words(3000),
  alt_text: words(2000),
};

const selects = [staticSelect, externalSelect, usersSelect, overflow, checkboxes, radioButtons] as const;

/** What may be pressed or chosen. */
export const actionElement = z.discriminatedUnion('type', [button, ...selects]);
export const accessory = z.discriminatedUnion('type', [button, ...selects, z.strictObject(image)]);
export const inputElement = z.discriminatedUnion('type', [
  textInput,
  staticSelect,
  externalSelect,
  usersSelect,
  checkboxes,
  radioButtons,
]);
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
