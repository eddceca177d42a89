import type { Heroku } from '../outside.ts';

/** Comes after the lines that it is about: nothing had been said before the first of them. */
const WHOLE = Symbol('whole');

type Reader = { queue: (string | typeof WHOLE)[]; wake: () => void };
type Session = {
  kept: string[];
  /** Its lines so far begin with the log itself. */
  isWhole: boolean;
  readers: Set<Reader>;
  end: { error: unknown } | 'ended' | null;
  stop: AbortController;
};

/** What Heroku itself tells whoever opens a session (logging article). */
const KEPT_LINES = 1_500;

/** One session of an app's log for all who read it at once: who comes later is told the last 1,500 lines first, as by Heroku. */
export function shareLog(openLog: Heroku['openLog']): Heroku['openLog'] {
  const sessions = new Map<string, Session>();

  const begin = (app: string): Session => {
    const session: Session = { kept: [], isWhole: false, readers: new Set(), end: null, stop: new AbortController() };
    sessions.set(app, session);
    void listen(app, session);
    return session;
  };

  const leave = (app: string, session: Session): void => {
    if (sessions.get(app) === session) sessions.delete(app);
  };

  const tell = (session: Session, said: string | typeof WHOLE): void => {
    for (const reader of session.readers) {
      reader.queue.push(said);
      reader.wake();
    }
  };

  async function listen(app: string, session: Session): Promise<void> {
    try {
      const onWhole = () => {
        session.isWhole = session.kept.length < KEPT_LINES;
        tell(session, WHOLE);
      };
      for await (const line of openLog(app, session.stop.signal, onWhole)) {
        session.kept.push(line);
        if (session.kept.length > KEPT_LINES) session.kept.shift();
        if (session.kept.length === KEPT_LINES) session.isWhole = false;
        tell(session, line);
      }
      session.end = 'ended';
    } catch (error) {
      session.end = { error };
    }
    leave(app, session);
    for (const reader of session.readers) reader.wake();
  }

  return async function* (app, signal, onWhole) {
    const session = sessions.get(app) ?? begin(app);
    const reader: Reader = { queue: [...session.kept, ...(session.isWhole ? ([WHOLE] as const) : [])], wake: () => {} };
    const wake = () => reader.wake();
    session.readers.add(reader);
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const said = reader.queue.shift();
        if (said === WHOLE) onWhole?.();
        else if (said !== undefined) yield said;
        else if (session.end === 'ended') return;
        else if (session.end) throw session.end.error;
        else await new Promise<void>(resolve => (reader.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', wake);
      session.readers.delete(reader);
      if (session.readers.size === 0) {
        leave(app, session);
        session.stop.abort();
      }
    }
  };
}
