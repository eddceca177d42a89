import { useEffect, useState } from 'react';
import type { Element, Placed } from '../../slack/blocks.ts';
import type { Option } from '../../slack/elements.ts';
import { type Choice, listedIn } from '../../slack/standing.ts';
import type { Answer } from '../shapes.ts';
import { useClosing } from './menu.tsx';
import { act } from './server.ts';
import { useSurface } from './surface.tsx';
import { useWorld } from './world.ts';

type Chooser = Exclude<
  Placed<Element>,
  {
    type:
      | 'button'
      | 'overflow'
      | 'plain_text_input'
      | 'number_input'
      | 'checkboxes'
      | 'radio_buttons'
      | 'datepicker'
      | 'timepicker'
      | 'datetimepicker';
  }
>;
type Entry = { value: string; words: string; about?: string | undefined };
type Group = { label: string | null; entries: Entry[] };

/** Slack asks the bot after this many letters, unless the menu says another number. */
const LEAST_QUERY = 3;
const TYPING_MS = 200;

/** A menu with a box to search in: of listed options, people, channels, or what the bot offers. */
export function Select({
  element,
  choice,
  change,
  labelledBy,
}: {
  element: Chooser;
  choice: Choice;
  change: (choice: Choice) => void;
  labelledBy: string | undefined;
}) {
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState('');
  const [known, setKnown] = useState<Record<string, string>>({});
  const whole = useClosing(open, () => setOpen(false));
  const { groups, note } = useEntries(element, query, open);
  const many = element.type.startsWith('multi_');
  const chosen = typeof choice === 'string' ? [choice] : (choice ?? []);
  const all = useListed(element);
  const wordsOf = (value: string): string =>
    known[value] ?? all.flatMap(({ entries }) => entries).find(entry => entry.value === value)?.words ?? value;
  const placeholder = element.placeholder?.text ?? 'Choose';

  function pick({ value, words }: Entry): void {
    setKnown({ ...known, [value]: words });
    setQuery('');
    if (many) change(chosen.includes(value) ? chosen.filter(one => one !== value) : [...chosen, value]);
    else {
      setOpen(false);
      change(value);
    }
  }

  return (
    <span className="menu select" ref={whole}>
      <button
        type="button"
        className="button choose"
        aria-haspopup="listbox"
        aria-expanded={open}
        aria-labelledby={labelledBy}
        aria-label={labelledBy ? undefined : placeholder}
        onClick={() => setOpen(!open)}
      >
        {chosen.length === 0 && <span className="placeholder">{placeholder}</span>}
        {many
          ? chosen.map(value => (
              <span key={value} className="chip">
                {wordsOf(value)}
              </span>
            ))
          : chosen.map(wordsOf)}
      </button>
      {open && (
        <div className="popup">
          <input
            className="input"
            // biome-ignore lint/a11y/noAutofocus: it opens because somebody wants to type into it
            autoFocus
            role="combobox"
            aria-expanded
            aria-controls="options"
            aria-label="Search"
            placeholder="Search"
            value={query}
            onChange={event => setQuery(event.target.value)}
            onKeyDown={event => {
              const [first] = groups.flatMap(({ entries }) => entries);
              if (event.key !== 'Enter') return;
              event.preventDefault();
              if (first) pick(first);
            }}
          />
          <div role="listbox" id="options" className="options">
            {groups.map(({ label, entries }) => (
              <div key={label}>
                {label && <div className="grouped">{label}</div>}
                {entries.map(entry => (
                  <button
                    key={entry.value}
                    type="button"
                    role="option"
                    aria-selected={chosen.includes(entry.value)}
                    onClick={() => pick(entry)}
                  >
                    {entry.words}
                    {entry.about && <small>{entry.about}</small>}
                  </button>
                ))}
              </div>
            ))}
            {note && <p className="note">{note}</p>}
          </div>
          {!many && chosen.length > 0 && (
            <button type="button" className="clear" onClick={() => change(null)}>
              Clear
            </button>
          )}
        </div>
      )}
    </span>
  );
}

const entryOf = ({ text, value, description }: Option): Entry => ({
  value,
  words: text.text,
  about: description?.text,
});

/** What can be chosen without asking the bot. */
function useListed(element: Chooser): Group[] {
  const { people, channels } = useWorld();
  switch (element.type) {
    case 'users_select':
    case 'multi_users_select':
      return [{ label: null, entries: people.map(({ id, name }) => ({ value: id, words: `@${name}` })) }];
    case 'channels_select':
    case 'multi_channels_select':
    case 'conversations_select':
    case 'multi_conversations_select':
      return [{ label: null, entries: channels.map(({ id, name }) => ({ value: id, words: `#${name}` })) }];
    case 'static_select':
    case 'multi_static_select':
      if (!element.option_groups) return [{ label: null, entries: (element.options ?? []).map(entryOf) }];
      return element.option_groups.map(({ label, options }) => ({ label: label.text, entries: options.map(entryOf) }));
    case 'external_select':
    case 'multi_external_select':
      return [{ label: null, entries: listedIn(element).map(entryOf) }];
    default:
      return element satisfies never;
  }
}

/** What can be chosen with these words, and what to say when that is nothing. */
function useEntries(element: Chooser, query: string, open: boolean): { groups: Group[]; note: string | null } {
  const { place } = useSurface();
  const listed = useListed(element);
  const [offered, setOffered] = useState<Group[]>([]);
  const [note, setNote] = useState<string | null>(null);
  const isExternal = element.type === 'external_select' || element.type === 'multi_external_select';
  const least = isExternal ? (element.min_query_length ?? LEAST_QUERY) : 0;
  const { block_id: block = '', action_id: action = '' } = element;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the place is named anew each time, and stays the same
  useEffect(() => {
    if (!isExternal || !open) return;
    if (query.length < least) {
      setOffered([]);
      setNote(`Type ${least} letters or more`);
      return;
    }
    let stale = false;
    const timer = setTimeout(async () => {
      try {
        const found = await act({ kind: 'search', place, block, action, words: query });
        if (stale) return;
        const groups = groupsOf(found);
        setOffered(groups);
        setNote(groups.every(({ entries }) => entries.length === 0) ? 'No results' : null);
      } catch (error) {
        if (!stale) setNote(`No results: ${error instanceof Error ? error.message : error}`);
      }
    }, TYPING_MS);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [isExternal, open, query, least, block, action]);

  if (isExternal) return { groups: offered, note };
  const words = query.toLowerCase();
  const groups = listed.map(({ label, entries }) => ({
    label,
    entries: entries.filter(entry => entry.words.toLowerCase().includes(words)),
  }));
  const isEmpty = groups.every(({ entries }) => entries.length === 0);
  return { groups, note: isEmpty ? 'No results' : null };
}

function groupsOf(found: Answer): Group[] {
  const grouped = found.option_groups ?? [];
  return [
    ...(found.options ? [{ label: null, entries: found.options.map(entryOf) }] : []),
    ...grouped.map(({ label, options }) => ({ label: label.text, entries: options.map(entryOf) })),
  ];
}
