import type { Chat, Message, MessageKey, Messages, Taken } from '../src/team.ts';

// A Slack and a table of messages in memory, for the tests of the narrator.

type Posted = {
  channel: string;
  ts: string;
  key: string;
  thread?: string;
  broadcast: boolean;
  text: string;
  at: number;
  edits: string[];
};

/** A Slack that keeps what it is sent, and fails when it is told to. */
export class FakeSlack implements Chat {
  readonly posted: Posted[] = [];
  readonly edits: { ts: string; text: string; at: number }[] = [];
  /** How much it takes of each message. */
  taken: Taken = 'whole';
  /** Asked before each call; what it returns is thrown: before the call has an effect, or after (its answer is lost). */
  trouble: (
    what: 'post' | 'find' | 'update',
    channel: string,
    key?: string,
  ) => { before?: Error; after?: Error } | undefined = () => undefined;

  async post(ask: {
    channel: string;
    thread?: string;
    broadcast?: boolean;
    message: Message;
    key: MessageKey;
  }): Promise<{ ts: string; taken: Taken }> {
    const trouble = this.trouble('post', ask.channel, ask.key.key);
    if (trouble?.before) throw trouble.before;
    const ts = `${Date.now() / 1000}.${this.posted.length}`;
    this.posted.push({
      channel: ask.channel,
      ts,
      key: `${ask.key.deploy} ${ask.key.key}`,
      ...(ask.thread ? { thread: ask.thread } : {}),
      broadcast: ask.broadcast ?? false,
      text: ask.message.text,
      at: Date.now(),
      edits: [],
    });
    if (trouble?.after) throw trouble.after;
    return { ts, taken: this.taken };
  }

  async find({ channel, key, after }: { channel: string; key: MessageKey; after: number }): Promise<string | null> {
    const trouble = this.trouble('find', channel);
    if (trouble?.before) throw trouble.before;
    return (
      this.posted.find(known => known.key === `${key.deploy} ${key.key}` && known.at >= after - 60_000)?.ts ?? null
    );
  }

  async update({ channel, ts, message }: { channel: string; ts: string; message: Message }): Promise<Taken> {
    const trouble = this.trouble('update', channel);
    if (trouble?.before) throw trouble.before;
    const known = this.posted.find(posted => posted.ts === ts);
    known?.edits.push(message.text);
    this.edits.push({ ts, text: message.text, at: Date.now() });
    return this.taken;
  }

  told = (deploy: string): string[] =>
    this.posted.filter(({ key }) => key.startsWith(`${deploy} `)).map(({ text }) => text);
  root = (deploy: string): Posted | undefined => this.posted.find(({ key }) => key === `${deploy} root`);
}

/** What the table keeps, in memory, with the same rules. */
export class FakeMessages implements Messages {
  readonly rows = new Map<string, { key: string; ts: string | null; hash: string | null; by: string; at: number }>();
  readonly deploys: string[] = [];

  async of(deploy: string) {
    return [...this.rows].filter(([id]) => id.startsWith(`${deploy} `)).map(([, row]) => row);
  }

  async claim({ deploy, key, by }: { deploy: string; key: string; by: string }) {
    const row = this.rows.get(`${deploy} ${key}`);
    if (row && (row.ts || (row.by !== by && row.at > Date.now() - 20_000))) return 'taken';
    this.rows.set(`${deploy} ${key}`, { key, ts: null, hash: row?.hash ?? null, by, at: Date.now() });
    return row ? 'again' : 'first';
  }

  async free(deploy: string, key: string, by: string) {
    const row = this.rows.get(`${deploy} ${key}`);
    if (row?.by === by && !row.ts) this.rows.delete(`${deploy} ${key}`);
  }

  async mayEdit(deploy: string, { key, hash }: { key: string; hash: string | null }, by: string) {
    const row = this.rows.get(`${deploy} ${key}`);
    if (!row || row.hash !== hash || (row.by !== by && row.at > Date.now() - 20_000)) return false;
    this.rows.set(`${deploy} ${key}`, {
      ...row,
      hash: /^alone \d+ /.exec(row.hash ?? '')?.[0] ?? null,
      by,
      at: Date.now(),
    });
    return true;
  }

  async edited(deploy: string, { key, ts, hash }: { key: string; ts: string; hash: string }) {
    const row = this.rows.get(`${deploy} ${key}`);
    if (row?.ts === ts) this.rows.set(`${deploy} ${key}`, { ...row, hash });
  }

  async keep(deploy: string, { key, ts, hash }: { key: string; ts: string | null; hash: string | null }) {
    const row = this.rows.get(`${deploy} ${key}`);
    if (row) this.rows.set(`${deploy} ${key}`, { ...row, ts, hash });
  }

  async allTold(deploy: string) {
    this.deploys.splice(this.deploys.indexOf(deploy), 1);
  }

  async unfinished() {
    return [...this.deploys];
  }
}
