import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppSettings } from '../src/domain/app.ts';
import type { Closing } from '../src/domain/closing.ts';
import type { Freeze } from '../src/domain/freeze.ts';
import type { Lock } from '../src/domain/lock.ts';
import type { NotBegun } from '../src/domain/schedule.ts';
import { cancelAnswer } from '../views/back.ts';
import type { Message } from '../views/blocks.ts';
import {
  barredNotices,
  closingAsked,
  closingNotices,
  doorAnswer,
  doorStatus,
  openingAnswer,
} from '../views/closings.ts';
import { appForm, checkedForm, holdForm, lockForm, refForm, sharedForm } from '../views/forms.ts';
import { homeView } from '../views/home.ts';
import { lateReplies } from '../views/late.ts';
import { freedNotices, lockAnswer, lockedNotices, lockInTheWay, lockReminders } from '../views/locks.ts';
import { replyTo } from '../views/reply.ts';
import { commitIsLive, historyOf, queueOf, statusOfAll, statusOfApp } from '../views/reports.ts';
import { scheduled, scheduleNotices } from '../views/schedules.ts';
import {
  groupOptions,
  refOptions,
  settingsForm,
  settingsNotices,
  settingsSaved,
  tokenNotices,
} from '../views/settings.ts';
import { emergencyForm, startAsked, startNotices } from '../views/starts.ts';
import { teamForm, teamNotices } from '../views/team-settings.ts';
import { deployForm, deployNow, pressInstead, whatToSay } from '../views/thread-help.ts';
import { nobodyHears } from '../views/unheard.ts';
import { wholeFile } from '../views/whole-file.ts';
import { cases } from './fuzzing.ts';
import { closed } from './sample-closed.ts';
import { deploys } from './sample-deploys.ts';
import { migrating } from './sample-migrations.ts';
import { suggestions } from './stage/slack/elements.ts';
import { validateView } from './stage/slack/views.ts';
import { expectHarmless, expectSafe, foreignText, ourSentence, poisoned } from './untrusted.ts';

// What is shown beside plans and threads, of whatever others wrote: names of branches, commit messages, reasons, SQL.

const [ANN, BOB, CHANNEL] = ['U0ANN', 'U0BOB', 'C0DEPLOYS'];
const NOW = Date.parse('2026-01-01T00:00:00.000Z');
const AT = new Date(NOW).toISOString();

const sample = fc.constantFrom(...Object.values({ ...deploys, ...migrating, ...closed }));
/** A deploy of which every word is somebody else's. */
const deploy = fc.tuple(sample, foreignText).map(([known, text]) => poisoned(known, text));
const app = fc.stringMatching(/^[a-z][a-z0-9-]{1,28}[a-z0-9]$/);
const many = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 60 });
const moment = fc.integer({ min: 0, max: 3 }).map(hours => NOW + hours * 3_600_000);
const perhaps = <T>(one: fc.Arbitrary<T>) => fc.option(one);

const lock: fc.Arbitrary<Lock> = fc.record({
  scope: fc.oneof(app, fc.constant('all')),
  id: fc.constant('l1'),
  by: fc.constantFrom(ANN, BOB),
  reason: foreignText,
  channel: fc.constant(CHANNEL),
  at: fc.constant(AT),
  until: perhaps(fc.constant(AT)),
});
const locks = fc.array(lock, { maxLength: 2 });

const stopped = many(fc.record({ type: foreignText, quantity: fc.nat() }));
const closing: fc.Arbitrary<Closing> = fc.record({
  ...{ id: fc.constant('c1'), app, by: fc.constant(ANN), reason: foreignText, channel: fc.constant(CHANNEL) },
  ...{ minutes: perhaps(fc.nat(2_000)), wanted: perhaps(fc.constantFrom('closed', 'open')), wantedAt: perhaps(moment) },
  ...{ until: perhaps(moment), told: perhaps(fc.constantFrom('closed', 'open')), toldAt: perhaps(moment) },
  ...{ seen: perhaps(fc.constantFrom('closed', 'open')), seenAt: perhaps(moment), openedBy: perhaps(fc.constant(BOB)) },
  ...{
    workers: stopped,
    stopWorkers: fc.boolean(),
    hasWorkers: fc.boolean(),
    remindedAt: perhaps(moment),
    barredAt: perhaps(moment),
  },
  ...{ lateAt: perhaps(moment), endedAt: perhaps(moment), idleAt: perhaps(moment), countedAt: perhaps(moment) },
});

const notBegun: fc.Arbitrary<NotBegun> = fc.record({
  ...{ kind: fc.constantFrom('asked', 'scheduled'), id: fc.constant('s1'), by: fc.constant(BOB) },
  ...{ plan: deploy.map(({ plan }) => plan), at: moment },
});
const place = fc.record({ ahead: fc.nat(), behind: foreignText, asks: fc.boolean(), waitSeconds: fc.nat() });
const status = fc.record({
  ...{ app, running: perhaps(deploy), last: perhaps(deploy), locks, mayDeploy: fc.boolean() },
  ...{ notBegun: fc.array(notBegun, { maxLength: 3 }), closing: perhaps(closing), live: perhaps(fc.nat()) },
  asksMe: fc.array(fc.oneof(deploy, notBegun), { maxLength: 3 }),
  waiting: fc.array(fc.record({ deploy, place: perhaps(place) }), { maxLength: 4 }),
});
const freezes: fc.Arbitrary<Freeze[]> = many(
  fc.record({
    weekly: fc.constant({ from: 'fri 16:00', to: 'mon 08:00' }),
    zone: fc.constant('Europe/Berlin'),
    reason: foreignText,
  }),
);
const people = fc.array(fc.constantFrom(ANN, BOB, 'S0OPS', CHANNEL), { maxLength: 30 });
const settings: fc.Arbitrary<AppSettings> = fc.record({
  ...{ name: app, repository: foreignText.map(text => text.slice(0, 500)), channel: fc.constant(CHANNEL) },
  defaultRef: foreignText.map(text => text.slice(0, 150) || 'main'),
  ...{ deployers: people, approvers: people, viewers: people, admins: people, fourEyes: fc.boolean() },
  ...{ startNeedsApproval: fc.boolean(), url: foreignText.map(text => text.slice(0, 500)), windowSeconds: fc.nat() },
  allowedChannels: fc.constantFrom([], [CHANNEL]),
  freezes,
});

const said = (...messages: readonly Message[]): void => messages.forEach(expectSafe);
const told = (notices: readonly { id: string; channel: string; message: Message }[]): void =>
  said(...notices.flatMap(one => [one.message, nobodyHears(one, ANN, 'archived').message]));

function opens(view: object | null): void {
  if (!view) return;
  expect(validateView(view)).toEqual([]);
  const { private_metadata, ...shown } = view as { private_metadata?: string };
  expectHarmless(shown);
}

const holds = <T>(one: fc.Arbitrary<T>, show: (value: T) => void): void =>
  fc.assert(fc.property(one, show), cases(20, 10));

describe('whatever others wrote, within the limits and without a mention', () => {
  it('locks are told', () =>
    holds(
      fc.tuple(lock, perhaps(lock), many(fc.record({ waiter: fc.constant(BOB), app }))),
      ([held, from, waiters]) => {
        told([...lockedNotices(held, from), ...freedNotices(held, waiters, from && BOB), ...lockReminders(held, NOW)]);
        said(
          lockInTheWay(held, 'lock'),
          lockInTheWay(held, 'unlock'),
          lockAnswer('locked', held),
          lockAnswer('free', held),
        );
      },
    ));

  it('closed doors are told', () =>
    holds(fc.tuple(closing, foreignText, stopped, many(ourSentence)), ([door, text, workers, who]) => {
      const barred = [
        { kind: 'migrating', who },
        { kind: 'not known', why: text },
      ] as const;
      told([...closingNotices(door, NOW), ...barred.flatMap(why => barredNotices(door, why, NOW))]);
      said(...barred.map(why => openingAnswer(door.app, { kind: 'barred', why, closing: door.id })));
      said(doorStatus({ app: door.app, closed: true, closing: door }), doorAnswer(`${door.app} is being closed.`));
      for (const page of [{ kind: 'broken', why: text }, { kind: 'not set' }] as const) {
        said(closingAsked({ id: 'c1', app: door.app, minutes: door.minutes, reason: text, workers, page }));
      }
    }));

  it('reports are given', () =>
    holds(fc.tuple(fc.array(status, { maxLength: 45 }), deploy, foreignText), ([all, one, text]) => {
      said(statusOfAll(all), queueOf(all), historyOf('shop', [one, one]));
      const live = { version: 3, commit: text };
      for (const known of all.slice(0, 2)) {
        said(
          statusOfApp({ ...known, live: null, maintenance: true, commit: text } as Parameters<typeof statusOfApp>[0]),
        );
      }
      for (const is of ['the live one', 'part of it', 'not live', 'not known'] as const) {
        said(commitIsLive({ app: 'shop', sha: text, subject: text, live, is, distance: 3, open: one }));
      }
    }));

  it('starts and schedules are told', () =>
    holds(fc.tuple(deploy, perhaps(ourSentence)), ([{ plan }, text]) => {
      const known = { ...plan, channel: CHANNEL };
      for (const answer of [null, 'approved', 'declined', 'expired', 'changed'] as const) {
        told(startNotices({ id: 'd1', app: 'shop', by: ANN, emergency: text, answer, answeredBy: BOB, plan: known }));
      }
      for (const outcome of [null, 'begun', 'asked', 'changed', 'refused', 'cancelled'] as const) {
        told(
          scheduleNotices({ id: 'd1', app: 'shop', by: ANN, due: NOW, outcome, endedBy: BOB, why: text, plan: known }),
        );
      }
      said(startAsked(CHANNEL), scheduled(NOW, CHANNEL));
    }));

  it('settings are told and asked for', () =>
    holds(fc.tuple(settings, foreignText, fc.boolean()), ([known, text, isNew]) => {
      const changes = [{ name: 'url', from: text, to: text }];
      told(settingsNotices({ settings: known, version: isNew ? 1 : 2, by: ANN, changes }));
      told(
        tokenNotices({ id: '1', app: known.name, what: isNew ? 'given' : 'taken away', by: text, channel: CHANNEL }),
      );
      said(settingsSaved({ kind: 'saved', app: known.name }));
      const names = new Map([['S0OPS', text]]);
      opens(settingsForm(isNew ? null : known, { app: known.name, version: 1, channel: CHANNEL }, names));
    }));

  it('freezes of every app are told and asked for', () =>
    holds(fc.tuple(freezes, freezes, perhaps(foreignText)), ([is, was, by]) => {
      told(teamNotices({ version: 2, freezes: is, before: was, by: by ?? ANN, channels: [CHANNEL] }));
      opens(teamForm(is, { version: 2, channel: CHANNEL }));
    }));

  it('menus offer what can be chosen', () =>
    holds(many(foreignText), words => {
      const groups = groupOptions(words.map((name, index) => ({ id: `S0${index}`, name })));
      for (const options of [groups, refOptions(words.filter(word => word !== ''))]) {
        expect(suggestions.safeParse({ options }).error?.issues ?? []).toEqual([]);
      }
    }));

  it('a thread is answered, late replies too', () =>
    holds(deploy, one => {
      said(whatToSay(one), deployNow(one), pressInstead(one), cancelAnswer('Too late.', one));
      const replies = one.facts.flatMap(fact => replyTo(fact, one)?.message ?? []);
      if (replies.length > 0) said(lateReplies([...replies, ...replies].map(message => ({ message, at: AT }))));
    }));

  it('forms open', () =>
    holds(deploy, one => {
      const carried = { value: `${one.id} 1`, channel: CHANNEL };
      const forms = [
        appForm(carried),
        holdForm(carried),
        lockForm(carried),
        refForm(carried),
        sharedForm(one, carried),
      ];
      for (const form of [...forms, checkedForm('it-serves', carried), emergencyForm(carried)]) opens(form);
      opens(deployForm(one, CHANNEL));
      for (let index = 0; index < 3; index++) opens(wholeFile(one, one.facts.at(-1)?.seq ?? 0, index));
    }));

  it('Home opens', () => holds(fc.array(status, { maxLength: 45 }), apps => opens(homeView(apps))));
});
