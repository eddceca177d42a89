import type { KnownBlock } from '@slack/types';
import { type Deploy, migrationsOf } from '../src/domain/deploy.ts';
import { filesOf, type PendingFile } from '../src/domain/gate.ts';
import type { Hazard, Lasts, StatementVerdict, Verdict } from '../src/domain/migration.ts';
import type { Plan } from '../src/domain/plan.ts';
import { button, fairShare, section } from './blocks.ts';
import { code, codeBlock, cut, foreign, literal, plural, shorter } from './text.ts';

const SQL_SHOWN = 400;
const FILES_SHOWN = 12;
/** Slack takes 3,000 characters in a section, and about 11,000 in a message: so many are for all files of its card. */
const SECTION = 2_900;
const CARD = 5_000;
/** Of those that are only named. */
const MORE = 1_000;

/** In a plan: what each migration does, when it runs, and what it could hurt. */
export function migrationSections(plan: Plan): KnownBlock[] {
  const expand = filesOf(plan.migrations, 'expand');
  const contract = filesOf(plan.migrations, 'contract');
  return [
    ...(expand.length > 0
      ? [
          section(
            plan.migrations?.commands
              ? '*Migrations once it is released*, while old code serves:'
              : '*Migrations before the release*, while old code serves:',
            ...expand.map(line(plan)),
          ),
        ]
      : []),
    ...(contract.length > 0
      ? [
          section(
            plan.maintenance
              ? '*Migrations while the app is closed and no dyno runs*, when a second person has approved them:'
              : '*Migrations after old code is gone*, when a second person has approved them:',
            ...contract.map(line(plan)),
          ),
        ]
      : []),
  ];
}

const line = (plan: Plan) => (verdict: PendingFile) => {
  if (plan.migrations?.commands) return `• ${fileLink(verdict, plan)}: ${foreign(verdict.review ?? '', 300)}`;
  const hazards = verdict.statements.flatMap(statement => statement.hazards);
  const what =
    hazards.length > 0 ? foreign(hazards.map(({ message }) => message).join(' '), 500) : 'safe: nothing waits.';
  return `• ${fileLink(verdict, plan)}, ${plural(verdict.statements.length, 'statement')}: ${what}`;
};

/** For the approver: every statement, its lock, and what it destroys; a long file is one click away, whole. */
export function fileSections(deploy: Deploy): KnownBlock[] {
  const { plan } = deploy;
  const migrations = migrationsOf(deploy);
  const files = filesOf(migrations, 'contract');
  const told = files.slice(0, FILES_SHOWN).map(verdict => ({ verdict, text: wholeText(verdict, plan) }));
  const most = Math.min(
    SECTION,
    fairShare(
      told.map(({ text }) => Math.min(text.length, SECTION)),
      CARD,
    ),
  );
  const shown = told.map(({ verdict, text }): KnownBlock => {
    const isWhole = text.length <= most && verdict.statements.every(({ sql }) => sql.length <= SQL_SHOWN);
    if (isWhole) return section(text);
    const short = text.length > most ? shorter(summary(verdict, plan), most) : text;
    const index = migrations?.files.indexOf(verdict);
    const value = `${deploy.id} ${deploy.facts.at(-1)?.seq} ${index}`;
    const aloud = `Show all of ${literal(verdict.file, 40)}`;
    // Of two buttons of one name Slack may refuse the whole card.
    const action = `show-file:${index}`;
    return { ...section(short), accessory: button({ label: 'Show all', action, value, aloud }) };
  });
  const more = files.slice(FILES_SHOWN);
  if (more.length === 0) return shown;
  const named = `And ${plural(more.length, 'more file')}: ${more.map(file => fileLink(file, plan)).join(', ')}`;
  return [...shown, section(cut(named, MORE))];
}

function wholeText(verdict: PendingFile, plan: Plan): string {
  const lines = [`*${fileLink(verdict, plan)}*`, ...verdict.statements.flatMap(statementLines)];
  if (verdict.review !== null) lines.push(`:warning: ${foreign(verdict.review, 400)}`);
  if (verdict.loosened !== null) lines.push(`Its own reason for running earlier: ${foreign(verdict.loosened, 300)}`);
  return lines.join('\n');
}

function statementLines(statement: StatementVerdict): string[] {
  return [codeBlock(statement.sql, SQL_SHOWN), ...statementWords(statement)];
}

/** Its lock and how long that lasts, then what it breaks. */
export function statementWords({ lock, lasts, hazards }: StatementVerdict): string[] {
  return [`${lock ? `${lock} lock, ${LASTS[lasts]}` : 'No lock that anybody feels'}.`, ...hazards.map(hazardLine)];
}

function hazardLine({ message, allowed, noSafePhase }: Hazard): string {
  const why = allowed === undefined ? '' : ` Allowed, because: ${foreign(allowed, 200)}`;
  return `:warning: ${noSafePhase ? '*No safe order.* ' : ''}${foreign(message, 400)}${why}`;
}

const LASTS: Record<Lasts, string> = {
  brief: 'for an instant',
  scan: 'while it reads the whole table',
  rewrite: 'while it rewrites the whole table',
  'index build': 'while it builds the index',
  rows: 'while it changes the rows',
};

/** What a file does that does not fit: how many statements, and every warning, as far as there is room. */
function summary(verdict: PendingFile, plan: Plan): string {
  const { statements, review } = verdict;
  const warnings = statements.flatMap(({ hazards }) => hazards).map(hazardLine);
  return [
    `*${fileLink(verdict, plan)}*`,
    `${plural(statements.length, 'statement')}, too long to show here: *Show all* has them.`,
    ...(review === null ? [] : [`:warning: ${foreign(review, 400)}`]),
    ...warnings,
  ].join('\n');
}

/** The file at the commit that is deployed. */
export function fileLink({ file }: Verdict, { repository, commit, migrations }: Plan): string {
  if (migrations?.commands) return code(file);
  const path = file.split('/').map(encodeURIComponent).join('/');
  const isPlain = /^[\w.-]+\/[\w.-]+$/.test(repository) && /^[0-9a-f]{40}$/.test(commit.sha);
  return isPlain
    ? `<https://github.com/${repository}/blob/${commit.sha}/${path}|${foreign(file, 100).replaceAll('|', '¦')}>`
    : code(file);
}
