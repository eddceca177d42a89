import { type Closing, REMIND_CLOSING_MS } from '../src/domain/closing.ts';
import { actions, type ButtonAsk, type Message, message, section } from './blocks.ts';
import { code, dayAndTime, duration, foreign, literal, mention, plural, prose, sentence, time } from './text.ts';

// What is said of maintenance mode: a message in the app's channel that follows the door, and loud ones for people.

type Notice = { id: string; channel: string; message: Message; owner: string };
type Page = { kind: 'not set' } | { kind: 'answers' } | { kind: 'broken'; why: string };
type Barred = { kind: 'migrating'; who: readonly string[] } | { kind: 'not known'; why: string };
type Workers = readonly { type: string; quantity: number }[];

const listed = (workers: Workers): string =>
  workers.map(({ type, quantity }) => `${foreign(type, 40)} × ${quantity}`).join(', ');

/** Before anything is closed: what it means, for whoever must confirm it. */
export function closingAsked(plan: {
  id: string;
  app: string;
  minutes: number | null;
  reason: string;
  workers: Workers;
  page: Page;
}): Message {
  const app = foreign(plan.app);
  const until =
    plan.minutes === null
      ? 'until somebody opens it: it has *no end of its own*'
      : `for ${duration(plan.minutes * 60)}, then it opens by itself unless somebody extends it`;
  return message(`Close ${app}? Nothing has happened yet.`, [
    section(
      `*Close ${app}?* Nothing has happened yet.`,
      `Visitors are turned away ${until}. Why: ${sentence(foreign(plan.reason, 500))}`,
    ),
    section(
      pageWords(plan.page),
      plan.workers.length > 0
        ? `:warning: *Workers keep running* (${listed(plan.workers)}). The message in the channel offers to stop them too.`
        : '',
    ),
    actions({
      ...{ label: 'Close it', action: 'close-app', value: plan.id, style: 'danger' },
      aloud: `Close ${literal(plan.app, 40)} for visitors`,
      confirm: {
        title: `Close ${literal(plan.app, 40)}?`,
        text: 'Every visitor gets a closed page at once.',
        ...{ yes: 'Close it', no: 'Leave it open' },
      },
    }),
  ]);
}

function pageWords(page: Page): string {
  switch (page.kind) {
    case 'not set':
      return 'Visitors see Heroku’s own page: `MAINTENANCE_PAGE_URL` is not set.';
    case 'answers':
      return 'Visitors see the page at `MAINTENANCE_PAGE_URL`: it answers.';
    case 'broken':
      return `:warning: Visitors would see a broken page: what \`MAINTENANCE_PAGE_URL\` names does not answer as it should (${foreign(page.why, 200)}). Mend it first, or unset it.`;
    default:
      return page satisfies never;
  }
}

/** Everything that is to be said of a closing as it is now; `anewBy`: who closed the app anew before this had ended. */
export function closingNotices(closing: Closing, now: number, anewBy?: string): Notice[] {
  const { id, channel, by: owner } = closing;
  const notices: Notice[] = [{ id: `door ${id}`, channel, owner, message: doorMessage(closing, now, anewBy) }];
  if (closing.remindedAt !== null && closing.wanted === 'closed') {
    notices.push({ id: `door ${id} reminded ${closing.remindedAt}`, channel, owner, message: reminder(closing) });
  }
  const isOpen = closing.wanted === 'open' && closing.seen === 'open' && closing.workers.length === 0;
  if (closing.lateAt !== null && closing.endedAt === null && !isOpen) {
    notices.push({ id: `door ${id} late ${closing.lateAt}`, channel, owner, message: late(closing) });
  }
  return notices;
}

/** The closing's own message. */
function doorMessage(closing: Closing, now: number, anewBy: string | undefined): Message {
  const { by, openedBy, reason, until, seenAt, endedAt, toldAt } = closing;
  const app = foreign(closing.app);
  const who = `${mention(by)}: ${sentence(foreign(reason, 500))}`;
  const opener = openedBy ? `${mention(openedBy)} opened it.` : 'Its time was over.';
  if (anewBy !== undefined) {
    return said(':construction:', `${app} was to be opened, and is closed anew`, [
      `${opener} ${closing.seen === 'open' ? `Visitors had the app again since ${time(seenAt ?? now)}` : 'It was not proved that visitors got the app'}, and ${mention(anewBy)} closed it anew: that has a message of its own.`,
      `It was closed by ${who}`,
    ]);
  }
  if (endedAt !== null) {
    return said(':unlock:', `${app} is open again`, [
      `${opener} Visitors get the app again since ${time(seenAt ?? endedAt)}, *proved by asking it*.`,
      `It was closed by ${who}`,
    ]);
  }
  if (closing.wanted === 'open' && closing.seen === 'open' && closing.workers.length > 0) {
    return said(':hourglass_flowing_sand:', `${app} is open again, and its workers are not`, [
      `${opener} Visitors get the app again since ${time(seenAt ?? now)}, *proved by asking it*. Its workers are being started: ${listed(closing.workers)}.`,
    ]);
  }
  if (closing.wanted === 'open') {
    return said(':hourglass_flowing_sand:', `${app} is being opened`, [
      `${opener} Waiting for proof that visitors get the app.`,
    ]);
  }
  const proved = closing.seen === 'closed' && seenAt !== null;
  const end =
    until === null
      ? 'It stays closed until somebody opens it.'
      : `It opens by itself at ${time(until)}, ${until > now ? `in about ${duration(Math.ceil((until - now) / 60_000) * 60)}` : 'now'}.`;
  const headline = proved
    ? `${app} is closed`
    : toldAt === null
      ? `${app} ${until !== null && until <= now ? 'was not closed in its time, as far as is known' : 'is being closed'}`
      : `${app}: closed, not yet proved`;
  return said(
    ':construction:',
    headline,
    [
      who,
      proved ? `Visitors get the closed page since ${time(seenAt)}, *proved by asking it*. ${end}` : end,
      workerWords(closing),
    ],
    buttons(closing),
  );
}

function workerWords({ workers, stopWorkers, hasWorkers, idleAt }: Closing): string {
  if (workers.length > 0 && idleAt !== null)
    return `Workers are stopped (${listed(workers)}); they start again when it opens.`;
  if (stopWorkers) return 'Workers are being stopped.';
  return hasWorkers ? 'Workers keep running.' : '';
}

function buttons({ id, app, until, stopWorkers, hasWorkers }: Closing): ButtonAsk[] {
  const open: ButtonAsk = {
    ...{ label: 'Open now', action: 'open-door', value: id, style: 'primary' },
    aloud: `Open ${literal(app, 40)} now`,
  };
  const extend: ButtonAsk = {
    ...{ label: '15 minutes more', action: 'extend-door', value: id },
    aloud: `Keep ${literal(app, 40)} closed for 15 minutes more`,
  };
  const stop: ButtonAsk = {
    ...{ label: 'Stop workers too', action: 'stop-workers', value: id },
    aloud: `Stop the workers of ${literal(app, 40)} until it opens`,
    confirm: {
      title: 'Stop the workers too?',
      text: 'They are scaled to 0 now, and back to what they were when the app opens.',
      ...{ yes: 'Stop them', no: 'Let them run' },
    },
  };
  return [open, ...(until === null ? [] : [extend]), ...(stopWorkers || !hasWorkers ? [] : [stop])];
}

function reminder({ app, by, reason, until, seenAt }: Closing): Message {
  const name = foreign(app);
  if (until === null) {
    return said(':alarm_clock:', `${name} is still closed`, [
      `${mention(by)} Since ${dayAndTime(seenAt ?? 0)}: ${sentence(foreign(reason, 300))} Nothing opens it by itself: press *Open now* above, or say ${code(`/maintenance ${app} off`)}.`,
    ]);
  }
  return said(':alarm_clock:', `${name} opens in ${duration(REMIND_CLOSING_MS / 1000)}`, [
    `${mention(by)} At ${time(until)} visitors are let in again. If that is too early, press *15 minutes more* above.`,
  ]);
}

function late({ app, by, wanted, wantedAt, told, seen, workers, barredAt }: Closing): Message {
  const name = foreign(app);
  if (wanted === 'open' && told !== 'open' && (barredAt ?? 0) > (wantedAt ?? 0)) {
    return said(':rotating_light:', `${name} should be open, and is still closed`, [
      `${mention(by)} A deploy has begun to migrate its database since, and visitors could meet a half changed schema. It opens by itself when that has ended. If you know better, say ${code(`/maintenance ${app} off`)}: it asks once more.`,
    ]);
  }
  if (told !== wanted) {
    const [is, verb] = wanted === 'open' ? ['should be open, and is still closed', 'off'] : ['is not closed yet', 'on'];
    return said(':rotating_light:', `${name} ${is}`, [
      `${mention(by)} Heroku could not be told for a minute. The bot goes on trying; by hand it is \`heroku maintenance:${verb} -a ${name}\`.`,
    ]);
  }
  const scale = `heroku ps:scale ${workers.map(({ type, quantity }) => `${type}=${quantity}`).join(' ')} -a ${app}`;
  const byHand = `Heroku could not start ${listed(workers)} again. The bot goes on trying; by hand it is ${code(scale, 400)}.`;
  if (wanted === 'open' && seen === 'open') {
    return said(':rotating_light:', `${name} is open again without its workers`, [`${mention(by)} ${byHand}`]);
  }
  return wanted === 'closed'
    ? said(':warning:', `${name} may not be closed`, [
        `${mention(by)} Heroku was told a minute ago, and visitors do not all get the closed page. Look yourself, and at \`heroku maintenance -a ${name}\`.`,
      ])
    : said(':rotating_light:', `${name} was opened, and does not answer well`, [
        `${mention(by)} Heroku was told a minute ago, and visitors do not all get the app. \`heroku logs -a ${name}\` shows why; the bot goes on looking.`,
        workers.length > 0 ? byHand : '',
      ]);
}

function barredWords(why: Barred): string {
  return why.kind === 'migrating'
    ? `its database is being migrated: ${prose(why.who.join('; '), 400)}`
    : `whether its database is being migrated cannot be asked (${foreign(why.why, 300)})`;
}

/** Its time is over, and somebody is at its schema: opening now could show visitors half of a change. */
export function barredNotices(closing: Closing, why: Barred, at: number): Notice[] {
  const [is, now] =
    closing.toldAt === null
      ? ['may be closed past its time', 'Heroku did not say that it was closed at all']
      : ['stays closed past its time', 'It should be open by now'];
  const words = said(':rotating_light:', `${foreign(closing.app)} ${is}`, [
    `${mention(closing.by)} ${now}, and ${barredWords(why)}. It is asked again every 5 minutes, and opens by itself when nobody migrates. If you know better, press *Open now* above.`,
  ]);
  return [{ id: `door ${closing.id} barred ${at}`, channel: closing.channel, owner: closing.by, message: words }];
}

/** To whoever wants it open. */
export function openingAnswer(
  app: string,
  opening: { kind: 'opening' } | { kind: 'is open' } | { kind: 'barred'; why: Barred; closing: string | null },
): Message {
  const name = foreign(app);
  switch (opening.kind) {
    case 'is open':
      return doorAnswer(`${name} is open: there is nothing to open.`);
    case 'opening':
      return doorAnswer(`${name} is being opened. The channel says when visitors get it again.`);
    case 'barred': {
      const value = [app, ...(opening.closing ? [opening.closing] : [])].join(' ');
      const anyway: ButtonAsk = {
        ...{ label: 'Open it anyway', action: 'open-anyway', value, style: 'danger' },
        aloud: `Open ${literal(app, 40)} while its schema may be half changed`,
        confirm: {
          title: `Open ${literal(app, 40)} anyway?`,
          text: 'Visitors may meet a half changed schema.',
          ...{ yes: 'Open it', no: 'Leave it closed' },
        },
      };
      const words = `It was not opened: ${barredWords(opening.why)}. Visitors could meet a half changed schema. Wait until that has ended, then open it.`;
      return said(':no_entry:', `${name} is closed still`, [words], [anyway]);
    }
    default:
      return opening satisfies never;
  }
}

/** `/maintenance shop status`. */
export function doorStatus({
  app,
  closed,
  closing,
}: {
  app: string;
  closed: boolean;
  closing: Closing | null;
}): Message {
  const name = foreign(app);
  if (!closing) {
    return closed
      ? said(':construction:', `${name} is closed`, [`Not by this bot. ${code(`/maintenance ${app} off`)} opens it.`])
      : said(':unlock:', `${name} is open`, ['']);
  }
  if (closing.wanted === 'open')
    return said(':hourglass_flowing_sand:', `${name} is being opened`, [
      'Waiting for proof that visitors get the app.',
    ]);
  const end = closing.until === null ? 'until somebody opens it' : `until ${time(closing.until)}`;
  return said(':construction:', `${name} is ${closed ? 'closed' : 'being closed'}`, [
    `${mention(closing.by)}, ${end}: ${sentence(foreign(closing.reason, 500))} ${workerWords(closing)}`,
  ]);
}

/** For status and Home. */
export const closingLine = ({ app, by, until, reason, wanted }: Closing): string =>
  wanted === 'open'
    ? `:hourglass_flowing_sand: ${foreign(app)} is being opened`
    : `:construction: ${foreign(app)} is closed by ${mention(by)} ${until === null ? 'until somebody opens it' : `until ${time(until)}`}: ${sentence(foreign(reason, 300))}`;

export const doorAnswer = (text: string): Message => message(text, [section(text)]);

export const maintenanceHelp = (): Message =>
  said(':construction:', 'Close an app for a while, and open it again', [
    `${code('/maintenance shop on for 15m we move the database')} closes it; without \`for\` it has no end, and you are reminded each hour`,
    `${code('/maintenance shop off')} opens it`,
    `${code('/maintenance shop status')} says how it is`,
    `It opens by itself at its time, and ${plural(REMIND_CLOSING_MS / 60_000, 'minute')} before that it says so.`,
  ]);

function said(mark: string, headline: string, lines: readonly string[], asked: readonly ButtonAsk[] = []): Message {
  const words = lines.filter(Boolean);
  return message(`${headline}. ${words.join(' ')}`, [
    section(`${mark} *${headline}*`, ...words),
    asked.length > 0 ? actions(...asked) : null,
  ]);
}
