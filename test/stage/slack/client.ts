import type { z } from 'zod';
import type { Element, Placed } from './blocks.ts';
import { type Choices, refusedBySlack } from './chosen.ts';
import type { Taken } from './delivery.ts';
import { type Option, suggestions } from './elements.ts';
import type { Events } from './events.ts';
import { closeForm, takeAnswer } from './forms.ts';
import type { Installed } from './manifest.ts';
import type { Stage } from './method.ts';
import type { Place, Requests } from './requests.ts';
import { answerAsked } from './response-urls.ts';
import { SlackError } from './slack-error.ts';
import { type Choice, listedIn } from './standing.ts';
import { typed } from './typed.ts';
import type { View } from './views.ts';
import { BOT, type Channel, type Post, SLACKBOT } from './workspace.ts';

export type ClientParts = { stage: Stage; requests: Requests; events: Events; installed: Installed };

/** How a form was taken: problems by block, which Slack or the bot has with it, and the bot's answer if it was asked. */
export type Submitted = { errors: Record<string, string>; taken: Taken | null };
export type Suggestions = z.infer<typeof suggestions>;

const FAILED = 'We had some trouble connecting. Try again?';

/** Slack's program on the desk of one person: what it sends when they do something, and what it says by itself. */
export class Client {
  readonly user: string;
  readonly #parts: ClientParts;
  /** Options that the bot offered to this person, by block and action. */
  readonly #offered = new Map<string, Option[]>();

  constructor(user: string, parts: ClientParts) {
    this.user = user;
    this.#parts = parts;
  }

  /** Gives how the bot took a command, or a mention of itself; null when it was not asked. */
  async types(words: string, channel: Channel, thread: string | null): Promise<Taken | null> {
    const { stage, requests, events, installed } = this.#parts;
    const { workspace } = stage;
    if (!words.startsWith('/')) {
      const text = typed(words, workspace);
      const post = workspace.post({ channel, text, blocks: [], by: this.user, thread });
      return text.includes(`<@${BOT.user}>`) ? events.mentioned(post) : null;
    }
    const [name = '', ...rest] = words.split(' ');
    const command = installed.commands.find(known => known.command === name);
    if (thread) return this.#hears(channel, `${name} is not supported in threads. Sorry!`, thread);
    if (!command) return this.#hears(channel, `${name} is not a valid command.`);
    const escaped = command.escapes
      ? typed(rest.join(' '), workspace, true)
      : rest.join(' ').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const taken = await requests.command(this.user, channel, command, escaped.trim());
    if (taken.error) this.#hears(channel, `${name} failed with the error "${taken.error}"`);
    else this.#answered(channel, taken.body);
    return taken;
  }

  /** Presses or chooses; what was to be confirmed has been. */
  async acts(place: Place, element: Placed<Element>, choice: Choice, choices: Choices): Promise<Taken> {
    const taken = await this.#parts.requests.action(this.user, place, {
      element,
      choice,
      choices,
      offered: this.#mine,
    });
    if (taken.error && 'post' in place) {
      const { channel, thread } = place.post;
      const what = element.type === 'button' ? `The button “${element.text.text}”` : 'The menu';
      this.#hears(channel, `${what} failed with the error "${taken.error}"`, thread);
    }
    return taken;
  }

  /** What the bot offers for these words. Throws SlackError when it answers with what Slack would not take. */
  async searches(place: Place, element: Placed<Element>, words: string): Promise<Suggestions> {
    const { requests, installed } = this.#parts;
    if (!installed.suggests) throw new SlackError('no_options_load_url');
    const taken = await requests.suggestion(this.user, place, element, words);
    if (taken.error) throw new SlackError(taken.error);
    const read = suggestions.safeParse(jsonOf(taken.body));
    if (!read.success)
      throw new SlackError(
        'invalid_options',
        read.error.issues.map(({ message }) => message),
      );
    const found = listedIn({ ...read.data, type: 'static_select' });
    this.#offered.set(nameOf(element), [...(this.#offered.get(nameOf(element)) ?? []), ...found]);
    return read.data;
  }

  async submits(form: View, choices: Choices): Promise<Submitted> {
    const errors = refusedBySlack(form.blocks, choices);
    if (Object.keys(errors).length > 0) return { errors, taken: null };
    const taken = await this.#parts.requests.submission(this.user, form, choices, this.#mine);
    const [first = ''] = form.blocks.flatMap(({ block_id }) => block_id ?? []);
    if (taken.error) return { errors: { [first]: FAILED }, taken };
    try {
      return { errors: takeAnswer(form, taken.body, this.#parts.stage), taken };
    } catch (error) {
      if (!(error instanceof SlackError)) throw error;
      const said = [error.message, ...error.messages].join(' ');
      return { errors: { [first]: `${FAILED} (${said})` }, taken: { ...taken, error: 'dispatch_failed' } };
    }
  }

  /** Closes a form by hand, and with `clear_on_close` all of them. */
  async closes(form: View): Promise<Taken | null> {
    const { stage, requests } = this.#parts;
    const all = form.type === 'modal' && form.clear_on_close === true;
    for (const open of stage.views.open) {
      if (open === form || (all && open.user === this.user)) closeForm(open, stage);
    }
    return form.type === 'modal' && form.notify_on_close ? requests.closed(this.user, form, all) : null;
  }

  async opensHome(): Promise<Taken | null> {
    const { stage, events } = this.#parts;
    stage.workspace.channel(this.user);
    return events.homeOpened(this.user, stage.views.home.get(this.user));
  }

  /** An entry of a message's menu, by the id that the bot knows it by. */
  async uses(callback: string, post: Post): Promise<Taken> {
    const { requests, installed } = this.#parts;
    const shortcut = installed.shortcuts.find(known => known.callback === callback);
    if (!shortcut) throw new Error(`There is no shortcut ${callback}`);
    const taken = await requests.shortcut(this.user, shortcut, post);
    if (taken.error)
      this.#hears(post.channel, `“${shortcut.name}” failed with the error "${taken.error}"`, post.thread);
    return taken;
  }

  #mine = (element: Placed<Element>): Option[] => this.#offered.get(nameOf(element)) ?? [];

  /** What Slack itself says, to this person alone. */
  #hears(channel: Channel, text: string, thread: string | null = null): null {
    this.#parts.stage.workspace.post({ channel, text, blocks: [], by: SLACKBOT, to: this.user, thread });
    return null;
  }

  /** A command may be answered in the response itself. */
  #answered(channel: Channel, body: string): void {
    if (!body) return;
    const said = jsonOf(body);
    const answer = typeof said === 'object' ? said : { text: body };
    try {
      answerAsked(this.#parts.stage.workspace, { user: this.user, channel, original: null }, answer);
    } catch (error) {
      if (!(error instanceof SlackError)) throw error;
      this.#hears(channel, `The answer could not be shown: ${error.message}`);
    }
  }
}

const nameOf = ({ block_id = '', action_id = '' }: Placed<Element>): string => `${block_id} ${action_id}`;

/** What is no JSON is plain words. */
function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
