import { type Accessory, type Element, elementsOf, type Placed } from './blocks.ts';
import type { Choices } from './chosen.ts';
import { Client, type ClientParts, type Suggestions } from './client.ts';
import type { Taken } from './delivery.ts';
import type { Option } from './elements.ts';
import { Message, type Sought } from './message.ts';
import { plainMrkdwn, plainWords } from './plain.ts';
import type { Place } from './requests.ts';
import { Sight, type Within } from './sight.ts';
import type { Choice } from './standing.ts';
import type { View } from './views.ts';
import { BOT, type Channel, directOf, type Post, type Workspace } from './workspace.ts';

/** A press, and the question that was put and accepted before it took effect. */
export type Press = { who: string; label: string; confirm: string | null };

type Parts = ClientParts & { presses: Press[]; channelNamed: (name: string) => Channel };

/** Somebody at the keyboard, who knows things by what stands on them. */
export class Person {
  readonly id: string;
  readonly client: Client;
  readonly #parts: Parts;
  readonly #sight: Sight;

  constructor(id: string, parts: Parts) {
    this.id = id;
    this.client = new Client(id, parts);
    this.#parts = parts;
    const { workspace } = parts.stage;
    this.#sight = new Sight(workspace, workspace.nameOf(id), post => this.maySee(post));
  }

  isIn(channel: Channel): boolean {
    return channel.kind === 'im' ? channel.id === directOf(this.id) : channel.members.includes(this.id);
  }

  maySee({ to, channel }: Post): boolean {
    return this.isIn(channel) && (to === null || to === this.id);
  }

  /** Everything that this person can see, oldest first. */
  messages(): Message[] {
    return this.#sight.messages();
  }

  /** The newest message of that kind that this person can see; waits for it. */
  sees(sought: Sought, within: Within = {}): Promise<Message> {
    return this.#sight.find(sought, within);
  }

  /**
   * Says something; `@name` names somebody. A command, or a message that names the bot, is done when the bot has answered
   * Slack. Gives how it answered; null when it was not asked.
   */
  types(words: string, { channel, thread }: { channel: string; thread?: Message }): Promise<Taken | null> {
    return this.client.types(words, this.#parts.channelNamed(channel), thread?.ts ?? null);
  }

  /** Names the bot in a thread, and says something to it. */
  mentions(thread: Message, words: string): Promise<Taken | null> {
    return this.types(`@${BOT.name} ${words}`, { channel: thread.channel, thread: thread.inThreadOf ?? thread });
  }

  /** Opens the bot's Home; null when the bot is not to be told. */
  opensHome(): Promise<Taken | null> {
    return this.client.opensHome();
  }

  /** This person's Home with these words on it; waits for it. */
  async seesHome(words: string | RegExp, { withinMs = 30_000 }: Within = {}): Promise<View> {
    const { views } = this.#parts.stage;
    return this.#view(() => views.home.get(this.id), words, 'Home', withinMs);
  }

  /** The uppermost form that is open for this person, with these words on it; waits for it. */
  async seesForm(words: string | RegExp = '', { withinMs = 30_000 }: Within = {}): Promise<View> {
    const { views } = this.#parts.stage;
    return this.#view(() => views.open.findLast(({ user }) => user === this.id), words, 'form', withinMs);
  }

  /**
   * Presses the newest button with that label that this person can see, and accepts what is asked before; waits for the
   * button. On a message, also one that an edit has since taken away: somebody's window may be behind.
   */
  async presses(label: string, { on, ...within }: Within & { on?: Message | View } = {}): Promise<Taken & Press> {
    const { stage, presses } = this.#parts;
    const place = placeOf(on ?? (await this.sees(({ post }) => buttonOf({ post }, label) !== undefined, within)));
    const pressed = buttonOf(place, label, on !== undefined);
    if (!pressed) throw new Error(`There is no button “${label}” on:\n${on}`);
    const confirm = pressed.confirm ? question(pressed.confirm, stage.workspace) : null;
    const press = { who: stage.workspace.nameOf(this.id), label, confirm };
    presses.push(press);
    return { ...(await this.client.acts(place, pressed, null, {})), ...press };
  }

  /** Chooses in the menu with that action id, an option by its words or value; what is asked before is accepted. */
  chooses(choice: Choice, { in: action, on }: { in: string; on: Message | View }): Promise<Taken> {
    const place = placeOf(on);
    return this.client.acts(place, elementOf(place, action), choice, {});
  }

  /** Types into the menu with that action id; gives what the bot offers. */
  async searches(on: Message | View, action: string, words: string): Promise<Option[]> {
    const place = placeOf(on);
    const found: Suggestions = await this.client.searches(place, elementOf(place, action), words);
    return [...(found.options ?? []), ...(found.option_groups ?? []).flatMap(({ options }) => options)];
  }

  /** An entry of a message's menu, by its name. */
  uses(name: string, message: Message): Promise<Taken> {
    const { shortcuts } = this.#parts.installed;
    const shortcut = shortcuts.find(known => known.name === name);
    const names = shortcuts.map(known => known.name).join(', ') || 'none';
    if (!shortcut) throw new Error(`There is no shortcut “${name}”; there are: ${names}`);
    return this.client.uses(shortcut.callback, message.post);
  }

  /**
   * Fills in the form that is open for this person, and presses its button; waits for the form. One text goes into each
   * field; several go by the fields' labels or block ids, and the other fields stay as they are.
   */
  async fills(
    filled: string | Record<string, Choice>,
    within: Within = {},
  ): Promise<Taken & { form: View; errors: Record<string, string> }> {
    const form = await this.seesForm('', within);
    if (form.type !== 'modal' || !form.submit) throw new Error('This form has nothing to press');
    const fields = form.blocks.filter(block => block.type === 'input');
    const choices: Record<string, Choices[string]> = {};
    const fill = ({ block_id = '', element }: (typeof fields)[number], choice: Choice): void => {
      choices[block_id] = { [element.action_id ?? '']: choice };
    };
    if (typeof filled === 'string') for (const field of fields) fill(field, filled);
    else {
      for (const [name, choice] of Object.entries(filled)) {
        const field = fields.find(({ block_id, label }) => label.text === name || block_id === name);
        if (!field) throw new Error(`There is no field “${name}”; there are: ${fields.map(({ label }) => label.text)}`);
        fill(field, choice);
      }
    }
    const { taken, errors } = await this.client.submits(form, choices);
    return { ...(taken ?? { ms: 0, status: null, error: null, body: '' }), form, errors };
  }

  /** Closes the uppermost form without its button. */
  async closes(): Promise<Taken | null> {
    return this.client.closes(await this.seesForm());
  }

  async #view(look: () => View | undefined, words: string | RegExp, what: string, withinMs: number): Promise<View> {
    const { workspace } = this.#parts.stage;
    const plain = (view: View) => {
      const title = view.type === 'modal' ? `${view.title.text}\n` : '';
      return title + plainWords({ text: '', blocks: view.blocks }, workspace.nameOf);
    };
    const fits = (view: View) => (typeof words === 'string' ? plain(view).includes(words) : words.test(plain(view)));
    const found = await until(workspace, withinMs, () => {
      const view = look();
      return view && fits(view) ? view : undefined;
    });
    const there = look();
    if (found) return found;
    const name = workspace.nameOf(this.id);
    throw new Error(
      `${name} saw no ${what} with ${words} within ${withinMs} ms, but:\n${there ? plain(there) : '(none)'}`,
    );
  }
}

/** What `look` finds now, or after a change of somebody's forms or Home. */
function until<T>(workspace: Workspace, withinMs: number, look: () => T | undefined): Promise<T | undefined> {
  return new Promise(resolve => {
    const end = (found?: T) => {
      clearTimeout(timer);
      workspace.off('view', changed);
      resolve(found);
    };
    const changed = () => {
      const found = look();
      if (found !== undefined) end(found);
    };
    const timer = setTimeout(end, withinMs);
    workspace.on('view', changed);
    changed();
  });
}

const placeOf = (on: Message | View): Place => (on instanceof Message ? { post: on.post } : { view: on });

function elementOf(place: Place, action: string): Placed<Element> {
  const all = elementsOf('post' in place ? place.post.blocks : place.view.blocks);
  const found = all.find(({ action_id }) => action_id === action);
  if (!found) throw new Error(`There is no ${action}; there are: ${all.map(({ action_id }) => action_id).join(', ')}`);
  return found;
}

type Button = Extract<Placed<Accessory>, { type: 'button' }>;

function buttonOf(place: Place, label: string, earlierToo = false): Button | undefined {
  const { blocks } = 'post' in place ? place.post : place.view;
  const earlier = earlierToo && 'post' in place ? place.post.earlier.map(version => version.blocks).reverse() : [];
  return [blocks, ...earlier]
    .flatMap(elementsOf)
    .filter((element): element is Button => element.type === 'button')
    .find(({ text }) => text.text === label);
}

function question({ title, text, confirm, deny }: NonNullable<Button['confirm']>, { nameOf }: Workspace): string {
  const words = text.type === 'mrkdwn' ? plainMrkdwn(text.text, nameOf) : text.text;
  return `${title.text}\n${words}\n[${confirm.text}] [${deny.text}]`;
}
