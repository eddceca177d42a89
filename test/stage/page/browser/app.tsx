import { useEffect, useState } from 'react';
import type { World } from '../shapes.ts';
import { Confirm } from './confirm.tsx';
import { Conversation, Thread } from './conversation.tsx';
import { HerokuPanel } from './heroku.tsx';
import { playing } from './server.ts';
import { Sidebar, type Where } from './sidebar.tsx';
import { Form, Home } from './views.tsx';
import { useTold, WorldContext } from './world.ts';

type Pane = 'sidebar' | 'middle' | 'thread' | 'heroku';

export function App() {
  const [played, setPlayed] = useState(playing());
  const told = useTold(played);
  const become = (name: string): void => {
    history.replaceState(null, '', `?as=${name}`);
    setPlayed(name);
  };
  if (!told.world) return <p className="loading">Opening the local Slack …</p>;
  return (
    <WorldContext value={told.world}>
      {!told.connected && <p className="lost">The stage does not answer. Is `npm run demo` still running?</p>}
      <Desk world={told.world} board={told.board} become={become} />
      <Confirm />
    </WorldContext>
  );
}

/** On a narrow window only one pane is seen at a time. */
function Desk({
  world,
  board,
  become,
}: {
  world: World;
  board: ReturnType<typeof useTold>['board'];
  become: (name: string) => void;
}) {
  const [where, setWhere] = useState<Where>(world.channels[0]?.id ?? 'home');
  const [thread, setThread] = useState<{ channel: string; ts: string } | null>(null);
  const [pane, setPane] = useState<Pane>('middle');
  const [showHeroku, setShowHeroku] = useState(true);
  const unread = useUnread(world, where);
  const channel = world.channels.find(({ id }) => id === where);
  const root = thread && world.messages.find(({ channel: of, ts }) => of === thread.channel && ts === thread.ts);
  const form = world.forms.at(-1);

  const go = (to: Where): void => {
    setWhere(to);
    setPane('middle');
  };
  const toggleHeroku = (): void => {
    const isSeen = showHeroku && (pane === 'heroku' || !matchMedia('(max-width: 1100px)').matches);
    setShowHeroku(!isSeen);
    setPane(isSeen ? 'middle' : 'heroku');
  };

  return (
    <div className={`desk shows-${pane}${root ? ' threaded' : ''}${showHeroku ? ' with-heroku' : ''}`}>
      <Sidebar where={where} unread={unread} go={go} become={become} />
      <main>
        <header className="bar">
          <button type="button" className="back" aria-label="Channels" onClick={() => setPane('sidebar')}>
            ☰
          </button>
          <h2>{channel ? (channel.kind === 'im' ? 'Switchover' : `# ${channel.name}`) : 'Switchover'}</h2>
          <button type="button" className="button" aria-pressed={showHeroku} onClick={toggleHeroku}>
            Heroku
          </button>
        </header>
        {channel ? (
          <Conversation
            channel={channel}
            openThread={({ channel: of, ts }) => {
              setThread({ channel: of, ts });
              setPane('thread');
            }}
          />
        ) : (
          <Home view={world.home} />
        )}
      </main>
      {root && (
        <Thread
          root={root}
          close={() => {
            setThread(null);
            setPane('middle');
          }}
        />
      )}
      {board && showHeroku && <HerokuPanel board={board} close={toggleHeroku} />}
      {form && <Form key={form.id} view={form} depth={world.forms.length} />}
    </div>
  );
}

/** How many messages came to each channel since it was last looked at. */
function useUnread({ messages, me }: World, where: Where): (channel: string) => number {
  const [read, setRead] = useState<Record<string, number>>(() => ({ '': Number(messages.at(-1)?.ts ?? 0) }));
  const newest = Number(messages.findLast(({ channel }) => channel === where)?.ts ?? 0);
  useEffect(() => setRead(before => ({ ...before, [where]: newest })), [where, newest]);
  return channel =>
    messages.filter(
      message =>
        message.channel === channel &&
        channel !== where &&
        message.by !== me &&
        (!message.thread || message.broadcast) &&
        Number(message.ts) > (read[channel] ?? read[''] ?? 0),
    ).length;
}
