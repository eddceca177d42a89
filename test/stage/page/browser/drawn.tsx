import { useSyncExternalStore } from 'react';
import { type Block as Drawn, Message } from 'slack-blocks-to-jsx';
import type { Block } from '../../slack/blocks.ts';
import { useWorld } from './world.ts';

const dark = matchMedia('(prefers-color-scheme: dark)');

function useDark(): boolean {
  return useSyncExternalStore(
    changed => {
      dark.addEventListener('change', changed);
      return () => dark.removeEventListener('change', changed);
    },
    () => dark.matches,
  );
}

const TOKENS: Record<string, Intl.DateTimeFormatOptions> = {
  date: { dateStyle: 'long' },
  date_num: { year: 'numeric', month: '2-digit', day: '2-digit' },
  date_short: { dateStyle: 'medium' },
  date_short_pretty: { dateStyle: 'medium' },
  date_pretty: { dateStyle: 'long' },
  date_long: { dateStyle: 'full' },
  date_long_pretty: { dateStyle: 'full' },
  time: { timeStyle: 'short' },
  time_secs: { timeStyle: 'medium' },
};

/** In the reader's own zone, as Slack shows it; what is today is called so. */
function dateWords({ timestamp, format }: { timestamp: string; format: string }): string {
  const at = new Date(Number(timestamp) * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  return format.replace(/\{(\w+)\}/g, (whole, token: string) => {
    const asked = TOKENS[token];
    if (!asked) return whole;
    return isToday && token.endsWith('_pretty') ? 'today' : at.toLocaleString('en-GB', asked);
  });
}

/** Blocks that nobody can press, by slack-blocks-to-jsx: its types know more kinds of blocks than ours. */
export function DrawnBlocks({ blocks }: { blocks: Block[] }) {
  const { people, channels, bot } = useWorld();
  const isDark = useDark();
  return (
    <Message
      blocks={blocks as unknown as Drawn[]}
      withoutWrapper
      name=""
      logo=""
      theme={isDark ? 'dark' : 'light'}
      data={{ users: [...people, { id: bot, name: 'Switchover' }], channels }}
      hooks={{
        user: ({ name }) => <span className="mention">@{name}</span>,
        channel: ({ name }) => <span className="mention">#{name}</span>,
        date: dateWords,
      }}
    />
  );
}

export function Mrkdwn({ text }: { text: string }) {
  return <DrawnBlocks blocks={[{ type: 'section', text: { type: 'mrkdwn', text: text || ' ' } }]} />;
}

/** Words of a composition object. */
export function Words({ text }: { text: { type: string; text: string } }) {
  return text.type === 'mrkdwn' ? <Mrkdwn text={text.text} /> : text.text;
}
