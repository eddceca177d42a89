import { setTimeout as sleep } from 'node:timers/promises';
import { type ActionElement, actionsOf } from './blocks.ts';
import type { Message, Sought } from './message.ts';
import { plainMrkdwn } from './plain.ts';
import type { Pressed, Requests, Taken } from './requests.ts';
import { answerAsked } from './response-urls.ts';
import { Sight, type Within } from './sight.ts';
import { SlackError } from './slack-error.ts';
import type { View, Views } from './views.ts';
import { type Channel, type Post, SLACKBOT, type Workspace } from './workspace.ts';

/** A press, and the question that was put and accepted before it took effect. */
export type Press = { who: string; label: string; confirm: string | null };

type Stage = {
  workspace: Workspace;
  requests: Requests;
  commands: readonly string[];
  presses: Press[];
  forms: Views;
  channelNamed: (name: string) => Channel;
};

/** Somebody at the keyboard. */
export class Person {
  readonly id: string;
  readonly #stage: Stage;
  readonly #sight: Sight;

  constructor(id: string, stage: Stage) {
    this.id = id;
    this.#stage = stage;
    const name = stage.workspace.nameOf(id);
    this.#sight = new Sight(stage.workspace, name, ({ to, channel }) => {
      const mine = channel.kind !== 'im' || channel.id === `D${id.slice(1)}`;
      return mine && (to === null || to === id);
    });
  }

  /** Everything that this person can see, oldest first. */
  messages(): Message[] {
    return this.#sight.messages();
  }

  /** The newest message of that kind that this person can see; waits for it. */
  sees(sought: Sought, within: Within = {}): Promise<Message> {
    return this.#sight.find(sought, within);
  }

  /** Says something; a command is done when the bot has answered Slack. Gives how it answered; null for plain words. */
  async types(words: string, { channel, thread }: { channel: string; thread?: Message }): Promise<Taken | null> {
    const { workspace, requests, commands } = this.#stage;
    const where = this.#stage.channelNamed(channel);
    if (!words.startsWith('/')) {
      const text = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
      workspace.post({ channel: where, text, blocks: [], by: this.id, thread: thread?.ts ?? null });
      return null;
    }
    const [command = '', ...rest] = words.split(' ');
    if (thread) return this.#hears(where, `${command} is not supported in threads. Sorry!`, thread.ts);
    if (!commands.includes(command)) return this.#hears(where, `${command} is not a valid command.`);
    const taken = await requests.command(this.id, where, command, rest.join(' ').trim());
    if (taken.error) this.#hears(where, `${command} failed with the error "${taken.error}"`);
    else this.#answered(where, taken.body);
    return taken;
  }

  /**
   * Presses the newest button with that label that this person can see, and accepts what is asked before; waits for the
   * button. On a message, also one that an edit has since taken away: somebody's window may be behind.
   */
  async presses(label: string, { on, ...within }: Within & { on?: Message } = {}): Promise<Taken & Press> {
    const { workspace, requests, presses } = this.#stage;
    const message = on ?? (await this.sees(({ post }) => buttonOf(post, label) !== undefined, within));
    const pressed = buttonOf(message.post, label, on !== undefined);
    if (!pressed) throw new Error(`There is no button “${label}” on:\n${message}`);
    const confirm = pressed.confirm ? question(pressed.confirm, workspace) : null;
    const press = { who: workspace.nameOf(this.id), label, confirm };
    presses.push(press);
    const taken = await requests.press(this.id, message.post, pressed);
    if (taken.error) {
      this.#hears(
        message.post.channel,
        `The button “${label}” failed with the error "${taken.error}"`,
        message.post.thread,
      );
    }
    return { ...taken, ...press };
  }

  /** Writes the words into each field of the form that is open for this person, and presses its button. Waits for the form. */
  async fills(words: string, { withinMs = 5_000 }: Within = {}): Promise<Taken & { form: View }> {
    const { forms, requests } = this.#stage;
    const mine = (): View | undefined => forms.open.findLast(({ user }) => user === this.id);
    for (const until = performance.now() + withinMs; !mine(); await sleep(20)) {
      if (performance.now() > until) throw new Error(`No form opened for ${this.id} within ${withinMs} ms`);
    }
    const form = mine();
    if (!form || !('submit' in form) || !form.submit) throw new Error('This form has nothing to press');
    const values: Record<string, Record<string, { type: string; value: string }>> = {};
    for (const block of form.blocks) {
      if (block.type !== 'input') continue;
      const { block_id, element } = block;
      values[block_id ?? ''] = { [element.action_id ?? '']: { type: element.type, value: words } };
    }
    const taken = await requests.submit(this.id, form, values);
    // Without a word the form closes; with one it stays, to be mended or read.
    if (taken.error === null && taken.body === '') forms.open.splice(forms.open.indexOf(form), 1);
    return { ...taken, form };
  }

  /** What Slack itself says, to this person alone. */
  #hears(channel: Channel, text: string, thread: string | null = null): null {
    this.#stage.workspace.post({ channel, text, blocks: [], by: SLACKBOT, to: this.id, thread });
    return null;
  }

  /** A command may be answered in the response itself. */
  #answered(channel: Channel, body: string): void {
    if (!body) return;
    let said: unknown = { text: body };
    try {
      said = JSON.parse(body);
    } catch {
      // Plain words.
    }
    try {
      answerAsked(this.#stage.workspace, { user: this.id, channel, original: null }, said);
    } catch (error) {
      if (!(error instanceof SlackError)) throw error;
      this.#hears(channel, `The answer could not be shown: ${error.message}`);
    }
  }
}

type Button = Extract<Pressed, { type: 'button' }>;

function buttonOf(post: Post, label: string, earlierToo = false): Button | undefined {
  const versions = [post.blocks, ...(earlierToo ? post.earlier.map(({ blocks }) => blocks).reverse() : [])];
  return versions
    .flatMap(actionsOf)
    .filter((element): element is Button => element.type === 'button')
    .find(({ text }) => text.text === label);
}

function question(
  { title, text, confirm, deny }: NonNullable<ActionElement['confirm']>,
  { nameOf }: Workspace,
): string {
  const words = text.type === 'mrkdwn' ? plainMrkdwn(text.text, nameOf) : text.text;
  return `${title.text}\n${words}\n[${confirm.text}] [${deny.text}]`;
}
