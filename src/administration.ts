import type { Access } from './access.ts';
import type { AppSettings } from './domain/app.ts';
import type { Freeze } from './domain/freeze.ts';
import { readFreezes } from './domain/freeze-lines.ts';
import { ALL_APPS } from './domain/lock.ts';
import { Refusal } from './domain/refusal.ts';
import { settings as shape } from './domain/settings-file.ts';
import { type Heroku, HerokuRefused, NotFound, type SourceHost } from './outside.ts';
import type { Directory, SettingsStore } from './team.ts';

type Parts = {
  access: Access;
  store: SettingsStore;
  directory: Pick<Directory, 'person' | 'group' | 'groups'>;
  heroku: Pick<Heroku, 'app'>;
  source: Pick<SourceHost, 'commit' | 'refs'>;
};

/** Settings as somebody typed them; what a form does not ask for stays as it is. */
export type Typed = Partial<Record<keyof AppSettings, unknown>>;

/** What is wrong, by the name of the setting. */
export type Problems = { [setting: string]: string };

type Saved = { kind: 'saved' | 'same'; app: string } | { kind: 'wrong'; problems: Problems };

/** A form wants its answer within 3 s (reference/interaction-payloads/view-interactions), and was kept before, within 1 s. */
const LOOK_WITHIN_MS = 1_300;
const OPTIONS = 50;

/** Which apps there are, and who may deploy them: asked and changed from Slack. */
export class Administration {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** An app's settings for whoever may change them; without a name, what a new app begins with. */
  async open({
    user,
    app,
  }: {
    user: string;
    app: string | null;
  }): Promise<{ settings: AppSettings | null; version: number }> {
    const { access, store } = this.#parts;
    if (app === null) {
      await access.addApps(user);
      return { settings: null, version: 0 };
    }
    await access.administered(app, user);
    const newest = await store.newest(app);
    return { settings: newest?.settings ?? null, version: newest?.version ?? 0 };
  }

  /** Checks what was typed and keeps it as a new version; or says what is wrong with it, all at once. */
  async save(ask: {
    user: string;
    /** The app that is changed; null: one that is added. */
    app: string | null;
    version: number;
    typed: Typed;
    /** One a line; null: as they are. */
    typedFreezes?: string | null;
  }): Promise<Saved> {
    const { access, store } = this.#parts;
    if (ask.app === null) await access.addApps(ask.user);
    const app = ask.app === null ? null : await access.administered(ask.app, ask.user);
    const before = ask.app === null ? null : await store.newest(ask.app);
    const { freezes, problems: lines } = await this.#freezes(ask.user, ask.typedFreezes ?? null);
    const read = shape.safeParse({
      ...{ ...before?.settings, ...ask.typed },
      ...(freezes ? { freezes } : {}),
      ...(ask.app === null ? {} : { name: ask.app }),
    });
    if (!read.success) return { kind: 'wrong', problems: { ...problemsOf(read.error.issues), ...lines } };
    const elsewhere = this.#anotherRepository(ask.user, app, read.data);
    // Nothing is asked of a repository for somebody who may not name it.
    const problems = { ...(elsewhere ?? (await this.#look(read.data))), ...lines };
    if (Object.keys(problems).length > 0) return { kind: 'wrong', problems };
    const saved = await store.save(read.data, ask.user, ask.version);
    if (saved.kind !== 'changed meanwhile') return { kind: saved.kind, app: read.data.name };
    throw new Refusal([
      ask.app === null
        ? `${read.data.name} was added meanwhile. \`/deploy settings ${read.data.name}\` shows how.`
        : `The settings of ${ask.app} were changed meanwhile by ${saved.by}, and yours were not kept. \`/deploy settings ${ask.app}\` shows the new ones.`,
    ]);
  }

  /** What the bot's GitHub token can read is not for the admins of one app to choose from. */
  #anotherRepository(user: string, before: AppSettings | null, { repository }: AppSettings): Problems | null {
    if (before === null || before.repository === repository || this.#parts.access.admins.includes(user)) return null;
    return {
      repository: `Another repository is named only by those who may add apps, since the bot reads it with its own token: \`/deploy add\` says who that is. Ask one of them, and leave ${before.repository} here until then.`,
    };
  }

  /** What holds for every app, for those who may change it. */
  async openTeam({ user }: { user: string }): Promise<{ freezes: readonly Freeze[]; version: number }> {
    await this.#parts.access.addApps(user);
    const team = await this.#parts.store.team();
    return { freezes: team?.freezes ?? [], version: team?.version ?? 0 };
  }

  async saveTeam(ask: { user: string; version: number; typedFreezes: string | null }): Promise<Saved> {
    const { access, store } = this.#parts;
    await access.addApps(ask.user);
    const { freezes, problems } = await this.#freezes(ask.user, ask.typedFreezes);
    if (problems.freezes !== undefined) return { kind: 'wrong', problems };
    if (!freezes) return { kind: 'same', app: ALL_APPS };
    const saved = await store.saveTeam(freezes, ask.user, ask.version);
    if (saved.kind !== 'changed meanwhile') return { kind: saved.kind, app: ALL_APPS };
    throw new Refusal([
      `What holds for every app was changed meanwhile by ${saved.by}, and yours was not kept. \`/deploy settings all\` shows it.`,
    ]);
  }

  /** As somebody typed them, in their own time zone where a line names none. */
  async #freezes(user: string, text: string | null): Promise<{ freezes: Freeze[] | null; problems: Problems }> {
    if (text === null) return { freezes: null, problems: {} };
    const { zone } = await this.#parts.directory.person(user);
    const { freezes, problems } = readFreezes(text, zone);
    return { freezes, problems: problems.length > 0 ? { freezes: problems.join(' ').slice(0, 500) } : {} };
  }

  /** Apps that this person may deploy and whose names have that in them. */
  async apps({ user, words }: { user: string; words: string }): Promise<string[]> {
    const mine = await this.#parts.access.deployable(user);
    return mine
      .map(({ name }) => name)
      .filter(name => name.includes(words.trim().toLowerCase()))
      .slice(0, OPTIONS);
  }

  /** User groups and channels whose names begin like that, as they may be given a role. */
  async groups(words: string): Promise<{ id: string; name: string }[]> {
    const all = await this.#parts.directory.groups();
    return all.filter(({ name }) => name.startsWith(words.replace(/^[@#]/, '').toLowerCase())).slice(0, OPTIONS);
  }

  /** How they are called, by id: of those of which Slack tells it now. */
  async names(): Promise<ReadonlyMap<string, string>> {
    const all = await this.#parts.directory.groups().catch(() => []);
    return new Map(all.map(({ id, name }) => [id, name]));
  }

  /** Branches and tags that begin like that, and a commit that was typed, of an app that this person may see. */
  async refs({ user, app, words }: { user: string; app: string; words: string }): Promise<string[]> {
    const { access, source } = this.#parts;
    const { repository } = await access.seen(app, user);
    const isCommit = /^[0-9a-f]{7,40}$/i.test(words);
    const [refs, commit] = await Promise.all([
      source.refs(repository, words),
      isCommit ? source.commit(repository, words).catch(() => null) : null,
    ]);
    return [...(commit ? [commit.sha] : []), ...refs].slice(0, OPTIONS);
  }

  /** Whether Heroku and GitHub know what is named. */
  async #look({ name, repository, defaultRef }: AppSettings): Promise<Problems> {
    const { heroku, source } = this.#parts;
    const late = { late: 'did not answer in time. Try again' };
    const within = <T>(asked: Promise<T>) =>
      Promise.race([asked, new Promise<typeof late>(resolve => setTimeout(resolve, LOOK_WITHIN_MS, late))]);
    const problem = async (asked: Promise<unknown>, whose: string, absent: string): Promise<string | null> => {
      try {
        const known = await within(asked);
        return known === late ? `${whose} ${late.late}.` : null;
      } catch (error) {
        if (error instanceof NotFound || (error instanceof HerokuRefused && error.status === 404)) return absent;
        return `${whose} could not be asked: ${error instanceof Error ? error.message : error}`;
      }
    };
    const [app, ref] = await Promise.all([
      problem(
        heroku.app(name),
        'Heroku',
        'The bot’s Heroku account sees no app of that name. Invite it to the app, or mend the name.',
      ),
      problem(
        source.commit(repository, defaultRef),
        'GitHub',
        `${repository} has no ${defaultRef}, or the bot’s token may not see it.`,
      ),
    ]);
    return { ...(app === null ? {} : { name: app }), ...(ref === null ? {} : { defaultRef: ref }) };
  }
}

function problemsOf(issues: readonly { path: readonly PropertyKey[]; message: string }[]): Problems {
  return Object.fromEntries(issues.map(({ path, message }) => [String(path[0] ?? 'name'), `This ${message}.`]));
}
