import { type ReactNode, useId, useState } from 'react';
import type { Element, Placed } from '../../slack/blocks.ts';
import { type Choice, initialOf } from '../../slack/standing.ts';
import { ask } from './confirm.tsx';
import { Words } from './drawn.tsx';
import { Menu, type MenuItem } from './menu.tsx';
import { Select } from './select.tsx';
import { useSurface } from './surface.tsx';

type Props = {
  element: Placed<Element>;
  /** The bot is told at once. */
  acts: boolean;
  labelledBy?: string;
};

/** Anything on blocks that can be pressed, chosen or filled in. */
export function Widget({ element, acts, labelledBy }: Props): ReactNode {
  const { choices, choose, send } = useSurface();
  const [busy, setBusy] = useState(false);
  const kept = choices[element.block_id ?? '']?.[element.action_id ?? ''];
  const choice = kept === undefined ? initialOf(element) : kept;
  const field = { 'aria-labelledby': labelledBy, autoFocus: 'focus_on_load' in element && element.focus_on_load };

  async function tell(made: Choice): Promise<void> {
    if ('confirm' in element && element.confirm && !(await ask(element.confirm))) return;
    if (element.type !== 'button' && element.type !== 'overflow') choose(element, made);
    if (!acts) return;
    setBusy(true);
    await send(element, made).finally(() => setBusy(false));
  }
  const change = (made: Choice): void => void tell(made);

  switch (element.type) {
    case 'button':
      return (
        <button
          type="button"
          className={`button ${element.style ?? ''}`}
          aria-label={element.accessibility_label}
          aria-busy={busy}
          disabled={busy}
          onClick={() => change(null)}
        >
          {element.text.text}
        </button>
      );
    case 'overflow': {
      const items = element.options.map(
        ({ text, value }): MenuItem => ({ name: text.text, pick: () => change(value) }),
      );
      return <Menu label="More" className="button overflow" items={items} />;
    }
    case 'plain_text_input':
      return <TextInput {...{ element, choice, change: made => choose(element, made), done: change, acts, field }} />;
    case 'number_input':
    case 'datepicker':
    case 'timepicker':
      return (
        <input
          {...field}
          className="input"
          type={NATIVE[element.type]}
          step={element.type === 'number_input' && element.is_decimal_allowed ? 'any' : undefined}
          placeholder={element.placeholder?.text}
          value={typeof choice === 'string' ? choice : ''}
          onChange={event => change(event.target.value || null)}
        />
      );
    case 'datetimepicker':
      return (
        <input
          {...field}
          className="input"
          type="datetime-local"
          value={typeof choice === 'string' ? localOf(Number(choice)) : ''}
          onChange={event => {
            const at = new Date(event.target.value).getTime();
            change(Number.isNaN(at) ? null : String(Math.floor(at / 1000)));
          }}
        />
      );
    case 'checkboxes':
    case 'radio_buttons':
      return <Marks {...{ element, choice, change, labelledBy }} />;
    default:
      return <Select {...{ element, choice, change, labelledBy }} />;
  }
}

const NATIVE = { number_input: 'number', datepicker: 'date', timepicker: 'time' } as const;

/** As `datetime-local` wants it: the reader's own time without a zone. */
function localOf(seconds: number): string {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function TextInput({
  element,
  choice,
  change,
  done,
  acts,
  field,
}: {
  element: Extract<Element, { type: 'plain_text_input' }>;
  choice: Choice;
  change: (choice: Choice) => void;
  done: (choice: Choice) => void;
  acts: boolean;
  field: object;
}) {
  const common = {
    ...field,
    className: 'input',
    placeholder: element.placeholder?.text,
    maxLength: element.max_length,
    value: typeof choice === 'string' ? choice : '',
    onChange: (event: { target: { value: string } }) => change(event.target.value || null),
  };
  if (element.multiline) return <textarea rows={4} {...common} />;
  const enter = (event: { key: string; preventDefault: () => void }) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    if (acts) done(choice);
  };
  return <input type="text" {...common} onKeyDown={enter} />;
}

function Marks({
  element,
  choice,
  change,
  labelledBy,
}: {
  element: Extract<Element, { type: 'checkboxes' | 'radio_buttons' }>;
  choice: Choice;
  change: (choice: Choice) => void;
  labelledBy: string | undefined;
}) {
  const group = useId();
  const isOne = element.type === 'radio_buttons';
  const chosen = typeof choice === 'string' ? [choice] : (choice ?? []);
  const toggle = (value: string): void => {
    if (isOne) change(value);
    else change(chosen.includes(value) ? chosen.filter(one => one !== value) : [...chosen, value]);
  };
  return (
    <fieldset className="marks" aria-labelledby={labelledBy}>
      {element.options.map(({ text, value, description }) => (
        <label key={value}>
          <input
            type={isOne ? 'radio' : 'checkbox'}
            name={group}
            checked={chosen.includes(value)}
            onChange={() => toggle(value)}
          />
          <span>
            <Words text={text} />
            {description && (
              <small>
                <Words text={description} />
              </small>
            )}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
