import type { Person, Slack } from '../slack/slack.ts';
import type { View } from '../slack/views.ts';
import { BOT, type Change, type Post } from '../slack/workspace.ts';
import type { ChannelSeen, MessageSeen, News, PersonSeen, ViewSeen, World } from './shapes.ts';

/** Tells what that person sees: all of it first, then each change. Gives what ends it. */
export function feed(slack: Slack, person: Person, people: PersonSeen[], tell: (news: News) => void): () => void {
  const { workspace } = slack;
  let channels = channelsOf(slack, person);
  tell({ kind: 'all', world: worldOf(slack, person, people) });
  const changed = ({ kind, post }: Change): void => {
    if (!person.maySee(post)) return;
    if (post.channel.kind === 'im' && channels.every(({ id }) => id !== post.channel.id)) {
      channels = channelsOf(slack, person);
      tell({ kind: 'channels', channels });
    }
    if (kind === 'deleted') tell({ kind: 'gone', channel: post.channel.id, ts: post.ts });
    else tell({ kind: 'message', message: messageOf(post) });
  };
  const viewed = (user: string): void => {
    if (user === person.id) tell({ kind: 'views', ...viewsOf(slack, person) });
  };
  workspace.on('change', changed).on('view', viewed);
  return () => {
    workspace.off('change', changed).off('view', viewed);
  };
}

function worldOf(slack: Slack, person: Person, people: PersonSeen[]): World {
  const { workspace, installed } = slack;
  return {
    me: person.id,
    team: workspace.team.domain,
    bot: BOT.user,
    people,
    channels: channelsOf(slack, person),
    commands: installed.commands,
    shortcuts: installed.shortcuts,
    messages: workspace.posts.filter(post => !post.deleted && person.maySee(post)).map(messageOf),
    ...viewsOf(slack, person),
  };
}

function channelsOf({ workspace }: Slack, person: Person): ChannelSeen[] {
  const mine = workspace.channels.filter(channel => person.isIn(channel));
  return mine.map(({ id, name, kind }) => ({ id, name, kind }));
}

function messageOf({ channel, ts, thread, broadcast, by, to, text, blocks, files, edited }: Post): MessageSeen {
  return {
    channel: channel.id,
    ts,
    thread,
    broadcast,
    by,
    onlyMe: to !== null,
    text,
    blocks,
    files: files.map(({ id, title, alt }) => ({ id, title, alt })),
    // What Slack shows as edited is what a person edited.
    edited: edited !== null && by !== BOT.user,
  };
}

function viewsOf(slack: Slack, { id }: Person): { forms: ViewSeen[]; home: ViewSeen | null } {
  const home = slack.homeOf(id);
  return { forms: slack.forms.filter(({ user }) => user === id).map(viewOf), home: home ? viewOf(home) : null };
}

function viewOf(view: View): ViewSeen {
  const { id, blocks } = view;
  if (view.type === 'home') return { id, blocks, title: 'Home', submit: null, close: '' };
  return { id, blocks, title: view.title.text, submit: view.submit?.text ?? null, close: view.close?.text ?? 'Cancel' };
}
