import type { Element } from './blocks.ts';
import type { Option } from './elements.ts';

/** What somebody put into an element: words, values of options, ids; null for nothing. */
export type Choice = string | readonly string[] | null;

/** What stands in it before anybody touches it. */
export function initialOf(element: Element): Choice {
  switch (element.type) {
    case 'button':
    case 'overflow':
      return null;
    case 'plain_text_input':
    case 'number_input':
      return element.initial_value ?? null;
    case 'static_select':
    case 'external_select':
    case 'radio_buttons':
      return element.initial_option?.value ?? null;
    case 'multi_static_select':
    case 'multi_external_select':
    case 'checkboxes':
      return element.initial_options?.map(({ value = '' }) => value) ?? [];
    case 'users_select':
      return element.initial_user ?? null;
    case 'multi_users_select':
      return element.initial_users ?? [];
    case 'conversations_select':
      return element.initial_conversation ?? null;
    case 'multi_conversations_select':
      return element.initial_conversations ?? [];
    case 'channels_select':
      return element.initial_channel ?? null;
    case 'multi_channels_select':
      return element.initial_channels ?? [];
    case 'datepicker':
      return element.initial_date ?? null;
    case 'timepicker':
      return element.initial_time ?? null;
    case 'datetimepicker':
      return element.initial_date_time === undefined ? null : String(element.initial_date_time);
    default:
      return element satisfies never;
  }
}

/** Options that the element itself lists. */
export function listedIn(element: Element): readonly Option[] {
  const own = 'options' in element && element.options ? element.options : [];
  const grouped = 'option_groups' in element && element.option_groups ? element.option_groups : [];
  const initial = [
    ...('initial_option' in element && element.initial_option ? [element.initial_option] : []),
    ...('initial_options' in element && element.initial_options ? element.initial_options : []),
  ];
  return [...own, ...grouped.flatMap(({ options }) => options), ...initial];
}
