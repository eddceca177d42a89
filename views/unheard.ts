import { type Click, type Deploy, latest } from '../src/domain/deploy.ts';
import { UNHEARD, type Unheard } from '../src/domain/unheard.ts';
import { type Message, message, section } from './blocks.ts';
import { stateOf } from './state.ts';
import { channelLink, code, foreign, prose } from './text.ts';

type Notice = { id: string; channel: string; message: Message };

/** To whoever started it, when its channel takes no word of a deploy: once, and once more when it has ended. */
export function unheardNotice(deploy: Deploy, why: Unheard): Notice {
  const { plan, id, startedBy } = deploy;
  const { is, mend } = UNHEARD[why];
  const ended = latest(deploy, 'ended') !== undefined;
  const app = foreign(plan.app);
  const headline = `Nobody in ${channelLink(plan.channel)} hears of your deploy of ${app}`;
  const { mark, headline: state, words } = stateOf(deploy);
  const next = ended
    ? `${mend}: what is missing comes within five minutes.`
    : `It goes on, and what it asks is not seen by anybody. ${mend}: what is missing comes within five minutes. Until then ${code(`/deploy status ${plan.app}`)} says how it stands.`;
  return {
    id: `unheard ${id}${ended ? ' at its end' : ''}`,
    channel: startedBy,
    message: message(`${headline}: the channel ${is}. ${state}. ${next}`, [
      section(`:mute: *${headline}*: the channel ${is}.`, next),
      section(`${mark} *${state}*`, words),
    ]),
  };
}

/** To its owner, when its channel takes no word of what belongs to no deploy: once. `said` is what nobody reads. */
export function nobodyHears(
  { id, channel, message: said }: { id: string; channel: string; message: { text: string } },
  owner: string,
  why: Unheard,
): Notice {
  const { is, mend } = UNHEARD[why];
  const headline = `Nobody in ${channelLink(channel)} hears this`;
  const next = `${mend} within a day: what is missing comes within five minutes then.`;
  return {
    id: `unheard ${id}`,
    channel: owner,
    message: message(`${headline}: the channel ${is}. ${next} ${said.text}`, [
      section(`:mute: *${headline}*: the channel ${is}.`, next),
      section(said.text),
    ]),
  };
}

/** To somebody who pressed, when the answer came after they were told that it was taken. Buttons are called as what they do. */
export function lateAnswer(app: string, { id, kind, by }: Pick<Click, 'id' | 'kind' | 'by'>, answer: string): Notice {
  const label = kind.charAt(0).toUpperCase() + kind.slice(1);
  const text = `What came of your *${label}* on the deploy of ${foreign(app)}: ${prose(answer, 2_800)}`;
  return { id: `answer ${id}`, channel: by, message: message(text, [section(text)]) };
}
