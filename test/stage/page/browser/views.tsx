import { useEffect, useRef, useState } from 'react';
import type { ViewSeen } from '../shapes.ts';
import { Blocks } from './blocks.tsx';
import { act } from './server.ts';
import { SurfaceOf, useChoices } from './surface.tsx';

/** The uppermost form. What was filled in stays when the bot has something against it. */
export function Form({ view, depth }: { view: ViewSeen; depth: number }) {
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const chosen = useChoices();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);

  async function submit(): Promise<void> {
    setBusy(true);
    const answer = await act({ kind: 'submit', view: view.id, choices: chosen.choices }).catch(() => ({ errors: {} }));
    setErrors(answer.errors ?? {});
    setBusy(false);
  }
  const close = (): void => void act({ kind: 'close', view: view.id }).catch(() => {});

  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby="form"
      onCancel={event => {
        event.preventDefault();
        close();
      }}
    >
      <form
        onSubmit={event => {
          event.preventDefault();
          void submit();
        }}
      >
        <header>
          <h2 id="form">{view.title}</h2>
          <button type="button" className="close" aria-label={depth > 1 ? 'Back' : 'Close'} onClick={close}>
            ✕
          </button>
        </header>
        <div className="inside">
          <SurfaceOf place={{ view: view.id }} chosen={chosen}>
            <Blocks blocks={view.blocks} errors={errors} />
          </SurfaceOf>
        </div>
        <footer>
          <button type="button" className="button" onClick={close}>
            {view.close}
          </button>
          {view.submit && (
            <button type="submit" className="button primary" disabled={busy} aria-busy={busy}>
              {view.submit}
            </button>
          )}
        </footer>
      </form>
    </dialog>
  );
}

/** What the bot has published for this person alone. */
export function Home({ view }: { view: ViewSeen | null }) {
  const chosen = useChoices();
  useEffect(() => {
    void act({ kind: 'home' });
  }, []);
  if (!view) {
    return (
      <div className="messages">
        <div className="empty">
          <h2>Switchover has nothing on its Home yet</h2>
          <p>A bot publishes it when somebody opens it, if it listens to that.</p>
        </div>
      </div>
    );
  }
  return (
    <div className="messages home">
      <SurfaceOf place={{ view: view.id }} chosen={chosen}>
        <Blocks blocks={view.blocks} />
      </SurfaceOf>
    </div>
  );
}
