import { Fragment, useEffect, useState } from 'react';
import type { AppSeen, Board, DynoSeen, Knob, SecondSeen } from '../shapes.ts';
import { act } from './server.ts';

type Colour = (release: number) => string;

/** The newest release in green, the one before in amber: the colours of who serves, everywhere in this panel. */
function coloursOf({ current, dynos, routers, seconds }: AppSeen): Colour {
  const answered = seconds.flatMap(second => Object.keys(second.answered).map(release => Number(release.slice(1))));
  const all = [...(current === null ? [] : [current]), ...dynos.map(({ release }) => release), ...routers, ...answered];
  const ranked = [...new Set(all)].sort((a, b) => b - a);
  return release => `var(--release-${Math.min(ranked.indexOf(release), 2)})`;
}

/** The local Heroku as it really is, and ways to make trouble. */
export function HerokuPanel({ board, close }: { board: Board; close: () => void }) {
  const turn = (knob: Knob, app = '', on = true): void => void act({ kind: 'knob', knob, app, on });
  const isDown = board.bot === 'down';
  return (
    <aside className="heroku" aria-label="Local Heroku">
      <header className="bar">
        <h2>Local Heroku</h2>
        <small>what really happens</small>
        <button type="button" className="close" aria-label="Close Heroku" onClick={close}>
          ✕
        </button>
      </header>
      <div className="scrolled">
        {board.apps.map(app => (
          <AppPanel key={app.name} app={app} turn={turn} />
        ))}
        <section>
          <h3>The bot</h3>
          <p className="state">
            <span className={isDown ? 'dot crashed' : 'dot up'} /> {isDown ? 'is down' : 'runs'}
          </p>
          <button
            type="button"
            className={isDown ? 'button primary' : 'button danger'}
            onClick={() => turn(isDown ? 'start the bot' : 'kill the bot')}
          >
            {isDown ? 'Start the bot' : 'Kill the bot'}
          </button>
        </section>
      </div>
    </aside>
  );
}

function AppPanel({ app, turn }: { app: AppSeen; turn: (knob: Knob, app: string, on?: boolean) => void }) {
  const releases = [...new Set([...app.dynos.map(({ release }) => release), ...app.routers])].sort((a, b) => b - a);
  const colour = coloursOf(app);
  const serving = [...new Set(app.routers)].sort((a, b) => a - b);
  return (
    <section aria-label={app.name}>
      <h3>
        {app.name} <a href={app.url}>{new URL(app.url).host}</a>
      </h3>
      <dl className="truths">
        <dt>Heroku says</dt>
        <dd>
          <Release release={app.current} colour={colour} /> is current
        </dd>
        <dt>Visitors get</dt>
        <dd data-testid="serving">
          {app.maintenance && 'the maintenance page'}
          {!app.maintenance &&
            serving.map((release, index) => (
              <Fragment key={release}>
                {index > 0 && ' and '}
                <Release release={release} colour={colour} />
              </Fragment>
            ))}
          <span className="routers" title="where each router sends visitors">
            {app.routers.map((release, router) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a router is known by its number
              <i key={router} style={{ background: colour(release) }} />
            ))}
            {app.routers.length} routers
          </span>
        </dd>
      </dl>
      <Rates seconds={app.seconds} colour={colour} />
      <p className="tally">
        {app.requests.toLocaleString('en-GB')} requests,{' '}
        <b className={app.failed ? 'bad' : 'good'}>{app.failed} failed</b>
        {Object.entries(app.failures).map(([code, count]) => ` · ${code} × ${count}`)}
      </p>
      <ul className="fleets">
        {releases.map(release => (
          <Fleet
            key={release}
            release={release}
            colour={colour}
            dynos={app.dynos.filter(dyno => dyno.release === release)}
          />
        ))}
      </ul>
      <h4>Make trouble</h4>
      <div className="knobs">
        <Toggle on={app.knobs.crash} turn={on => turn('crash new code', app.name, on)}>
          New code crashes
        </Toggle>
        <Toggle on={app.knobs.slowBoot} turn={on => turn('slow boot', app.name, on)}>
          Dynos boot 20 s slower
        </Toggle>
        <button type="button" className="button" onClick={() => turn('heroku 503', app.name)}>
          Heroku answers 503
        </button>
      </div>
    </section>
  );
}

function Release({ release, colour }: { release: number | null; colour: Colour }) {
  if (release === null) return 'nothing';
  return (
    <span className="release" style={{ background: colour(release) }}>
      v{release}
    </span>
  );
}

function Fleet({ release, colour, dynos }: { release: number; colour: Colour; dynos: DynoSeen[] }) {
  return (
    <li>
      <Release release={release} colour={colour} />
      {dynos.length === 0 && <small>no dynos left</small>}
      {dynos.map(({ id, name, state }) => (
        <span key={id} className="dyno">
          <span className={`dot ${state}`} />
          {name} <small>{state}</small>
        </span>
      ))}
    </li>
  );
}

function Toggle({ on, turn, children }: { on: boolean; turn: (on: boolean) => void; children: string }) {
  // Shown at once; the stage says a moment later how it stands.
  const [asked, setAsked] = useState(on);
  useEffect(() => setAsked(on), [on]);
  const change = (wanted: boolean): void => {
    setAsked(wanted);
    turn(wanted);
  };
  return (
    <label className="toggle">
      <input
        type="checkbox"
        role="switch"
        aria-checked={asked}
        checked={asked}
        onChange={event => change(event.target.checked)}
      />
      {children}
    </label>
  );
}

const [WIDE, HIGH] = [300, 72];

/** Requests a second by the release that answered, failures on top. */
function Rates({ seconds, colour }: { seconds: SecondSeen[]; colour: Colour }) {
  const sums = seconds.map(({ answered, failed }) => Object.values(answered).reduce((a, b) => a + b, failed));
  const most = Math.max(10, ...sums);
  const wide = WIDE / seconds.length;
  const last = seconds.at(-1);
  const words = last
    ? [
        ...Object.entries(last.answered).map(([release, count]) => `${release} ${count}/s`),
        ...(last.failed > 0 ? [`${last.failed} failed/s`] : []),
      ]
    : [];
  return (
    <figure className="rates">
      <svg viewBox={`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label="Requests a second">
        {seconds.map(({ at, answered, failed }, index) => {
          const parts = Object.entries(answered)
            .map(([release, count]) => ({ release: Number(release.slice(1)), count }))
            .sort((a, b) => a.release - b.release)
            .map(({ release, count }) => ({ count, fill: colour(release) }));
          let top = HIGH;
          return [...parts, { count: failed, fill: 'var(--bad)' }].map(({ count, fill }) => {
            const high = (count / most) * HIGH;
            top -= high;
            return (
              <rect key={`${at} ${fill}`} x={index * wide} y={top} width={wide - 0.8} height={high} style={{ fill }} />
            );
          });
        })}
      </svg>
      <figcaption>
        <span>a minute ago</span>
        <b>{words.join(' · ') || 'no requests'}</b>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
