import { createContext, useContext, useEffect, useReducer } from 'react';
import type { Board, MessageSeen, News, World } from '../shapes.ts';
import { events } from './server.ts';

/** What the server told so far. */
export type Told = { world: World | null; board: Board | null; connected: boolean };

const NOTHING: Told = { world: null, board: null, connected: false };
const keyOf = ({ channel, ts }: { channel: string; ts: string }): string => `${channel} ${ts}`;

function told(before: Told, news: News | { kind: 'lost' }): Told {
  if (news.kind === 'lost') return { ...before, connected: false };
  if (news.kind === 'all') return { ...before, world: news.world, connected: true };
  if (news.kind === 'board') return { ...before, board: news.board };
  const { world } = before;
  if (!world) return before;
  switch (news.kind) {
    case 'message': {
      const others = world.messages.filter(message => keyOf(message) !== keyOf(news.message));
      const messages = [...others, news.message].sort((a, b) => Number(a.ts) - Number(b.ts));
      return { ...before, world: { ...world, messages } };
    }
    case 'gone':
      return {
        ...before,
        world: { ...world, messages: world.messages.filter(message => keyOf(message) !== keyOf(news)) },
      };
    case 'channels':
      return { ...before, world: { ...world, channels: news.channels } };
    case 'views':
      return { ...before, world: { ...world, forms: news.forms, home: news.home } };
    default:
      return news satisfies never;
  }
}

/** What the person who is played sees, as it changes. */
export function useTold(who: string | null): Told {
  const [state, tell] = useReducer(told, NOTHING);
  useEffect(() => {
    const source = events(who);
    source.onmessage = ({ data }) => tell(JSON.parse(data));
    source.onerror = () => tell({ kind: 'lost' });
    return () => source.close();
  }, [who]);
  return state;
}

export const WorldContext = createContext<World | null>(null);

export function useWorld(): World {
  const world = useContext(WorldContext);
  if (!world) throw new Error('There is no world yet');
  return world;
}

export type Author = { name: string; isBot: boolean };

export function authorOf({ people, bot }: World, id: string): Author {
  if (id === bot) return { name: 'Switchover', isBot: true };
  return { name: people.find(person => person.id === id)?.name ?? 'Slackbot', isBot: false };
}

/** Replies of a message, oldest first. */
export const repliesTo = ({ messages }: World, { channel, ts }: MessageSeen): MessageSeen[] =>
  messages.filter(message => message.channel === channel && message.thread === ts);
