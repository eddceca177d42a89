import { randomBytes } from 'node:crypto';
import { SlackError } from './slack-error.ts';

/** docs.slack.dev, interactivity: a trigger_id is good for one view, within three seconds. */
const GOOD_FOR_MS = 3_000;

/** What a person's command or press gives the bot to open a form with. */
export class TriggerIds {
  readonly #given = new Map<string, { user: string; at: number; used: boolean }>();

  give(user: string): string {
    const id = `${Date.now()}.${randomBytes(4).readUInt32BE()}.${randomBytes(16).toString('hex')}`;
    this.#given.set(id, { user, at: Date.now(), used: false });
    return id;
  }

  /** Whose it is. */
  use(id: string): string {
    const given = this.#given.get(id);
    if (!given) throw new SlackError('invalid_trigger_id');
    if (given.used) throw new SlackError('exchanged_trigger_id');
    if (Date.now() - given.at > GOOD_FOR_MS) throw new SlackError('expired_trigger_id');
    given.used = true;
    return given.user;
  }
}
