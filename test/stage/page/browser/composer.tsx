import { useRef, useState } from 'react';
import { act } from './server.ts';
import { useWorld } from './world.ts';

type Hint = { insert: string; name: string; about: string };

/** Where words are typed: commands after `/`, people after `@`. */
export function Composer({ channel, thread, label }: { channel: string; thread: string | null; label: string }) {
  const [words, setWords] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const hints = useHints(words);

  async function send(): Promise<void> {
    const said = words.trim();
    if (!said) return;
    setWords('');
    setProblem(null);
    await act({ kind: 'type', channel, thread, words: said }).catch(error => setProblem(String(error.message)));
  }
  const take = ({ insert }: Hint): void => {
    setWords(words.replace(/\S*$/, `${insert} `));
    box.current?.focus();
  };

  return (
    <form
      className="composer"
      onSubmit={event => {
        event.preventDefault();
        void send();
      }}
    >
      {hints.length > 0 && (
        <div className="popup hints" role="listbox" aria-label="Suggestions">
          {hints.map(hint => (
            <button key={hint.name} type="button" role="option" aria-selected={false} onClick={() => take(hint)}>
              <b>{hint.name}</b> <small>{hint.about}</small>
            </button>
          ))}
        </div>
      )}
      {problem && (
        <p className="error" role="alert">
          {problem}
        </p>
      )}
      <div className="box">
        <textarea
          ref={box}
          rows={1}
          aria-label={label}
          placeholder={label}
          value={words}
          onChange={event => setWords(event.target.value)}
          onKeyDown={event => {
            const [first] = hints;
            if (event.key === 'Tab' && first) {
              event.preventDefault();
              take(first);
            }
            if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault();
              void send();
            }
          }}
        />
        <button type="submit" className="send" aria-label="Send" disabled={!words.trim()}>
          ➤
        </button>
      </div>
    </form>
  );
}

/** What the last word may become. */
function useHints(words: string): Hint[] {
  const { commands, people } = useWorld();
  if (/^\/\S*$/.test(words)) {
    return commands
      .filter(({ command }) => command.startsWith(words))
      .map(({ command, hint, description }) => ({ insert: command, name: `${command} ${hint}`, about: description }));
  }
  const [, begun] = /(?:^|\s)@(\w*)$/.exec(words) ?? [];
  if (begun === undefined) return [];
  return [{ name: 'switchover', role: 'the app' }, ...people]
    .filter(({ name }) => name.startsWith(begun.toLowerCase()))
    .map(({ name, role }) => ({ insert: `@${name}`, name: `@${name}`, about: role }));
}
