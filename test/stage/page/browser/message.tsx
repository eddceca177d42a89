import type { FileSeen, MessageSeen } from '../shapes.ts';
import { Avatar } from './avatar.tsx';
import { Blocks } from './blocks.tsx';
import { Mrkdwn } from './drawn.tsx';
import { Menu } from './menu.tsx';
import { act } from './server.ts';
import { SurfaceOf, useChoices } from './surface.tsx';
import { authorOf, repliesTo, useWorld } from './world.ts';

const timeOf = (ts: string): string =>
  new Date(Number(ts) * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });

/** A file as Slack previews it; it opens whole. */
function Picture({ file: { id, title, alt } }: { file: FileSeen }) {
  const address = `/file/${id}${location.search}`;
  return (
    <figure className="file">
      <figcaption>{title}</figcaption>
      <a href={address} target="_blank" rel="noreferrer">
        <img src={address} alt={alt} />
      </a>
    </figure>
  );
}

/** A message. Without `openThread` it stands in the thread itself. */
export function MessageRow({
  message,
  openThread,
}: {
  message: MessageSeen;
  openThread?: (root: MessageSeen) => void;
}) {
  const world = useWorld();
  const { name, isBot } = authorOf(world, message.by);
  const replies = openThread && !message.thread ? repliesTo(world, message) : [];
  const chosen = useChoices();
  const root = message.thread
    ? world.messages.find(({ channel, ts }) => channel === message.channel && ts === message.thread)
    : message;
  const classes = ['message', message.onlyMe ? 'private' : '', message.broadcast && openThread ? 'broadcast' : ''];
  return (
    <article className={classes.filter(Boolean).join(' ')} data-ts={message.ts} aria-label={`${name}: ${message.text}`}>
      <Avatar name={name} isBot={isBot} />
      <div className="content">
        {message.onlyMe && <p className="aside">Only visible to you</p>}
        <p className="who">
          <b>{name}</b>
          {isBot && <span className="badge">App</span>}
          <time dateTime={new Date(Number(message.ts) * 1000).toISOString()}>{timeOf(message.ts)}</time>
        </p>
        {message.broadcast && openThread && root && (
          <button type="button" className="link quoted" onClick={() => openThread(root)}>
            replied to a thread: {root.text.split('. ')[0]}
          </button>
        )}
        <SurfaceOf place={{ channel: message.channel, ts: message.ts }} chosen={chosen}>
          {message.blocks.length > 0 && <Blocks blocks={message.blocks} />}
          {message.blocks.length === 0 && message.text !== '' && <Mrkdwn text={message.text} />}
        </SurfaceOf>
        {message.files.map(file => (
          <Picture key={file.id} file={file} />
        ))}
        {message.edited && <small className="edited">(edited)</small>}
        {openThread && replies.length > 0 && (
          <button type="button" className="link replies" onClick={() => openThread(message)}>
            <span className="faces">
              {[...new Set(replies.map(({ by }) => by))].slice(0, 4).map(by => {
                const author = authorOf(world, by);
                return <Avatar key={by} name={author.name} isBot={author.isBot} small />;
              })}
            </span>
            {replies.length === 1 ? '1 reply' : `${replies.length} replies`}
            <span className="last">last at {timeOf(replies.at(-1)?.ts ?? '0')}</span>
          </button>
        )}
      </div>
      {!message.onlyMe && (
        <div className="tools">
          {openThread && root && (
            <button type="button" title="Reply in thread" aria-label="Reply in thread" onClick={() => openThread(root)}>
              💬
            </button>
          )}
          {world.shortcuts.length > 0 && (
            <Menu
              label="More actions"
              className=""
              items={world.shortcuts.map(({ name: title, callback }) => ({
                name: title,
                pick: () => void act({ kind: 'shortcut', callback, channel: message.channel, ts: message.ts }),
              }))}
            />
          )}
        </div>
      )}
    </article>
  );
}
