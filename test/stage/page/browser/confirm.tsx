import { useEffect, useRef, useState } from 'react';
import type { Accessory } from '../../slack/blocks.ts';
import { Words } from './drawn.tsx';

type Question = NonNullable<Accessory['confirm']>;
type Asked = { question: Question; answer: (yes: boolean) => void };

let put: ((asked: Asked) => void) | null = null;

/** Puts the question of a button or menu; true when it was accepted. */
export const ask = (question: Question): Promise<boolean> =>
  new Promise(answer => {
    if (put) put({ question, answer });
    else answer(false);
  });

/** Where questions are put; there is one on the page. */
export function Confirm() {
  const [asked, setAsked] = useState<Asked | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    put = setAsked;
    return () => {
      put = null;
    };
  }, []);
  useEffect(() => {
    if (asked) dialog.current?.showModal();
  }, [asked]);
  if (!asked) return null;
  const { question } = asked;
  const end = (yes: boolean): void => {
    asked.answer(yes);
    setAsked(null);
  };
  return (
    <dialog ref={dialog} className="dialog small" onCancel={() => end(false)} aria-labelledby="question">
      <header>
        <h2 id="question">{question.title.text}</h2>
      </header>
      <div className="inside">
        <Words text={question.text} />
      </div>
      <footer>
        <button type="button" className="button" onClick={() => end(false)}>
          {question.deny.text}
        </button>
        <button type="button" className={`button ${question.style ?? 'primary'}`} onClick={() => end(true)}>
          {question.confirm.text}
        </button>
      </footer>
    </dialog>
  );
}
