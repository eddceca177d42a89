import { type ReactNode, useEffect, useLayoutEffect, useRef } from 'react';
import type { ChannelSeen, MessageSeen } from '../shapes.ts';
import { Composer } from './composer.tsx';
import { MessageRow } from './message.tsx';
import { repliesTo, useWorld } from './world.ts';

type OpenThread = (root: MessageSeen) => void;

export function Conversation({ channel, openThread }: { channel: ChannelSeen; openThread: OpenThread }) {
  const { messages } = useWorld();
  const shown = messages.filter(message => message.channel === channel.id && (!message.thread || message.broadcast));
  const alone = messages.filter(
    ({ channel: where, thread, onlyMe }) => where === channel.id && thread !== null && onlyMe,
  );
  const name = channel.kind === 'im' ? 'Switchover' : `#${channel.name}`;
  return (
    <>
      <Scrolled of={[...shown, ...alone]}>
        {shown.length === 0 && (
          <div className="empty">
            <h2>This is the very beginning of {name}</h2>
            <p>
              Type <code>/deploy</code> to see what the bot can do, or <code>/deploy shop</code> to deploy the sample
              app.
            </p>
          </div>
        )}
        {shown.map(message => (
          <MessageRow key={message.ts} message={message} openThread={openThread} />
        ))}
      </Scrolled>
      <Composer key={channel.id} channel={channel.id} thread={null} label={`Message ${name}`} />
    </>
  );
}

export function Thread({ root, close }: { root: MessageSeen; close: () => void }) {
  const world = useWorld();
  const replies = repliesTo(world, root);
  const channel = world.channels.find(({ id }) => id === root.channel);
  return (
    <aside className="thread" aria-label="Thread">
      <header className="bar">
        <h2>Thread</h2>
        <small>#{channel?.name}</small>
        <button type="button" className="close" aria-label="Close thread" onClick={close}>
          ✕
        </button>
      </header>
      <Scrolled of={replies}>
        <MessageRow message={root} />
        {replies.length > 0 && (
          <div className="divider">{replies.length === 1 ? '1 reply' : `${replies.length} replies`}</div>
        )}
        {replies.map(message => (
          <MessageRow key={message.ts} message={message} />
        ))}
      </Scrolled>
      <Composer key={root.ts} channel={root.channel} thread={root.ts} label="Reply…" />
    </aside>
  );
}

/** A column that stays at its end while somebody reads there. */
function Scrolled({ of, children }: { of: MessageSeen[]; children: ReactNode }) {
  const column = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change of what is shown may make it longer
  useLayoutEffect(() => {
    const { current } = column;
    if (current && atEnd.current) current.scrollTop = current.scrollHeight;
  }, [of]);
  useEffect(() => {
    const { current } = column;
    if (!current) return;
    const resized = new ResizeObserver(() => {
      if (atEnd.current) current.scrollTop = current.scrollHeight;
    });
    resized.observe(current);
    return () => resized.disconnect();
  }, []);
  return (
    <div
      ref={column}
      className="messages"
      role="log"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < 40;
      }}
    >
      {children}
    </div>
  );
}
