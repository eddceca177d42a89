import type { Block, Element, Placed } from './blocks.ts';
import { elementsOf } from './blocks.ts';
import type { Option } from './elements.ts';
import { type Choice, initialOf, listedIn } from './standing.ts';

/** By block and action id. */
export type Choices = Readonly<Record<string, Readonly<Record<string, Choice>>>>;
/** The same as the bot gets it. */
export type StateValues = Record<string, Record<string, Record<string, unknown>>>;

/** Options that the bot offered for a menu, by what somebody may know them by. */
export type Offered = (element: Placed<Element>) => readonly Option[];

/** Where each kind of element keeps what was chosen (docs.slack.dev, reference/views: state). Buttons keep nothing. */
const KEPT = {
  plain_text_input: 'value',
  number_input: 'value',
  static_select: 'selected_option',
  external_select: 'selected_option',
  radio_buttons: 'selected_option',
  overflow: 'selected_option',
  multi_static_select: 'selected_options',
  multi_external_select: 'selected_options',
  checkboxes: 'selected_options',
  users_select: 'selected_user',
  multi_users_select: 'selected_users',
  conversations_select: 'selected_conversation',
  multi_conversations_select: 'selected_conversations',
  channels_select: 'selected_channel',
  multi_channels_select: 'selected_channels',
  datepicker: 'selected_date',
  timepicker: 'selected_time',
  datetimepicker: 'selected_date_time',
} as const satisfies Record<Exclude<Element['type'], 'button'>, string>;

/** What was chosen, as the bot gets it. Throws when there is no such option. */
export function stateOf(element: Placed<Element>, choice: Choice, offered: Offered): Record<string, unknown> {
  if (element.type === 'button') return {};
  const many = Array.isArray(choice) ? choice : typeof choice === 'string' && choice !== '' ? [choice] : [];
  const kept = KEPT[element.type];
  const options = () => many.map(wanted => optionOf(element, wanted, offered));
  switch (kept) {
    case 'selected_option':
      return { [kept]: options()[0] ?? null };
    case 'selected_options':
      return { [kept]: options() };
    case 'selected_users':
    case 'selected_conversations':
    case 'selected_channels':
      return { [kept]: many };
    case 'selected_date_time':
      return { [kept]: many[0] === undefined ? null : Number(many[0]) };
    default:
      return { [kept]: many[0] ?? null };
  }
}

function optionOf(element: Placed<Element>, wanted: string, offered: Offered): Option {
  const all = [...listedIn(element), ...offered(element)];
  const found = all.find(({ value }) => value === wanted) ?? all.find(({ text }) => text.text === wanted);
  if (found) return found;
  const known = all.map(({ text }) => text.text).join(', ') || 'none';
  throw new Error(`There is no option “${wanted}” in ${element.action_id ?? element.type}; there are: ${known}`);
}

/** Everything on the blocks that keeps something, as it stands with these choices. */
export function stateOfBlocks(blocks: Block[], choices: Choices, offered: Offered): StateValues {
  const values: StateValues = {};
  for (const element of elementsOf(blocks)) {
    const { block_id = '', action_id = '', type } = element;
    if (type === 'button' || type === 'overflow') continue;
    const choice = choices[block_id]?.[action_id];
    const state = stateOf(element, choice === undefined ? initialOf(element) : choice, offered);
    values[block_id] = { ...values[block_id], [action_id]: { type, ...state } };
  }
  return values;
}

/** What Slack itself does not let through, by block: the bot is not asked. */
export function refusedBySlack(blocks: Block[], choices: Choices): Record<string, string> {
  const refused: Record<string, string> = {};
  for (const block of blocks) {
    if (block.type !== 'input') continue;
    const { block_id = '', element, optional } = block;
    const choice = choices[block_id]?.[element.action_id ?? ''];
    const standing = choice === undefined ? initialOf(element) : choice;
    const problem = problemWith(element, standing, optional === true);
    if (problem) refused[block_id] = problem;
  }
  return refused;
}

function problemWith(element: Element, choice: Choice, optional: boolean): string | null {
  if (choice === null || choice.length === 0) return optional ? null : 'Please complete this required field.';
  if (element.type === 'plain_text_input') {
    const { min_length = 0, max_length = 3000 } = element;
    if (choice.length < min_length) return `Please enter at least ${min_length} characters.`;
    if (choice.length > max_length) return `Please enter at most ${max_length} characters.`;
  }
  if (element.type === 'number_input') {
    const value = Number(choice);
    if (!Number.isFinite(value) || (!element.is_decimal_allowed && !Number.isInteger(value)))
      return `Please enter a valid ${element.is_decimal_allowed ? 'number' : 'whole number'}.`;
    if (element.min_value !== undefined && value < Number(element.min_value))
      return `Please enter a number of at least ${element.min_value}.`;
    if (element.max_value !== undefined && value > Number(element.max_value))
      return `Please enter a number of at most ${element.max_value}.`;
  }
  if ('max_selected_items' in element && choice.length > (element.max_selected_items ?? choice.length))
    return `Please choose at most ${element.max_selected_items}.`;
  return null;
}
