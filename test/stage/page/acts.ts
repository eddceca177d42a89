import { z } from 'zod';
import { elementsOf } from '../slack/blocks.ts';
import type { Place } from '../slack/requests.ts';
import type { Person, Slack } from '../slack/slack.ts';
import { type Act, type Answer, KNOBS, type Knob, type PlaceNamed } from './shapes.ts';

const choice = z.union([z.string(), z.array(z.string()), z.null()]);
const choices = z.record(z.string(), z.record(z.string(), choice));
const place = z.union([z.strictObject({ channel: z.string(), ts: z.string() }), z.strictObject({ view: z.string() })]);
const there = { place, block: z.string(), action: z.string() };

const act = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('type'),
    channel: z.string(),
    thread: z.string().nullable(),
    words: z.string().min(1).max(12_000),
  }),
  z.strictObject({ kind: z.literal('act'), ...there, choice, choices }),
  z.strictObject({ kind: z.literal('search'), ...there, words: z.string() }),
  z.strictObject({ kind: z.literal('submit'), view: z.string(), choices }),
  z.strictObject({ kind: z.literal('close'), view: z.string() }),
  z.strictObject({ kind: z.literal('home') }),
  z.strictObject({ kind: z.literal('shortcut'), callback: z.string(), channel: z.string(), ts: z.string() }),
  z.strictObject({ kind: z.literal('knob'), knob: z.enum(KNOBS), app: z.string(), on: z.boolean() }),
]) satisfies z.ZodType<Act>;

/** Throws for what is none. */
export const readAct = (body: string): Act => act.parse(JSON.parse(body));

/** Does what that person asks for, as far as they can see what they ask about. Gives what the page has to know at once. */
export async function carryOut(
  asked: Act,
  person: Person,
  slack: Slack,
  turn: (knob: Knob, app: string, on: boolean) => Promise<void>,
): Promise<Answer> {
  const { client } = person;
  switch (asked.kind) {
    case 'type': {
      const channel = slack.workspace.channel(asked.channel);
      if (!channel || !person.isIn(channel)) throw new Error(`There is no channel ${asked.channel}`);
      await client.types(asked.words, channel, asked.thread);
      return {};
    }
    case 'act': {
      const { place, element } = found(asked, person, slack);
      await client.acts(place, element, asked.choice, asked.choices);
      return {};
    }
    case 'search': {
      const { place, element } = found(asked, person, slack);
      return client.searches(place, element, asked.words);
    }
    case 'submit':
      return { errors: (await client.submits(formOf(asked.view, person, slack), asked.choices)).errors };
    case 'close':
      await client.closes(formOf(asked.view, person, slack));
      return {};
    case 'home':
      await client.opensHome();
      return {};
    case 'shortcut':
      await client.uses(asked.callback, postOf(asked, person, slack));
      return {};
    case 'knob':
      await turn(asked.knob, asked.app, asked.on);
      return {};
    default:
      return asked satisfies never;
  }
}

function found(asked: { place: PlaceNamed; block: string; action: string }, person: Person, slack: Slack) {
  const place = placeOf(asked.place, person, slack);
  const { blocks } = 'post' in place ? place.post : place.view;
  const element = elementsOf(blocks).find(
    ({ block_id, action_id }) => block_id === asked.block && action_id === asked.action,
  );
  if (!element) throw new Error('That has changed meanwhile. Look again.');
  return { place, element };
}

function placeOf(named: PlaceNamed, person: Person, slack: Slack): Place {
  if ('ts' in named) return { post: postOf(named, person, slack) };
  const home = slack.homeOf(person.id);
  return { view: home?.id === named.view ? home : formOf(named.view, person, slack) };
}

function postOf({ channel, ts }: { channel: string; ts: string }, person: Person, { workspace }: Slack) {
  const post = workspace.posts.find(one => one.channel.id === channel && one.ts === ts && !one.deleted);
  if (!post || !person.maySee(post)) throw new Error('That message is gone.');
  return post;
}

function formOf(id: string, person: Person, slack: Slack) {
  const form = slack.forms.find(open => open.id === id && open.user === person.id);
  if (!form) throw new Error('That form was closed meanwhile.');
  return form;
}
