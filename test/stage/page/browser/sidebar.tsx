import { Avatar } from './avatar.tsx';
import { useWorld } from './world.ts';

/** What the middle of the page shows: a channel by its id, or the bot's Home. */
export type Where = string | 'home';

type Props = {
  where: Where;
  unread: (channel: string) => number;
  go: (where: Where) => void;
  become: (name: string) => void;
};

export function Sidebar({ where, unread, go, become }: Props) {
  const { team, me, people, channels } = useWorld();
  const rooms = channels.filter(({ kind }) => kind !== 'im');
  const direct = channels.find(({ kind }) => kind === 'im');
  const mine = people.find(({ id }) => id === me);
  const entry = (to: Where, name: string, mark: string, count = 0) => (
    <li key={to}>
      <button
        type="button"
        className={count > 0 ? 'unread' : ''}
        aria-current={where === to ? 'page' : undefined}
        onClick={() => go(to)}
      >
        <span className="mark">{mark}</span> {name}
        {count > 0 && <span className="count">{count}</span>}
      </button>
    </li>
  );
  return (
    <nav className="sidebar" aria-label="Channels">
      <h1>{team}</h1>
      <h2>Channels</h2>
      <ul>{rooms.map(({ id, name, kind }) => entry(id, name, kind === 'private' ? '🔒' : '#', unread(id)))}</ul>
      <h2>Apps</h2>
      <ul>
        {entry('home', 'Switchover', '⌂')}
        {direct && entry(direct.id, 'Messages', '✉', unread(direct.id))}
      </ul>
      <div className="actor">
        <Avatar name={mine?.name ?? '?'} isBot={false} />
        <label>
          Act as
          <select value={mine?.name} onChange={event => become(event.target.value)}>
            {people.map(({ id, name, role }) => (
              <option key={id} value={name}>
                {name}, {role}
              </option>
            ))}
          </select>
        </label>
      </div>
    </nav>
  );
}
