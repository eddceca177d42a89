import type { Act, Answer } from '../shapes.ts';

/** The person who is played is in the page's address, so that a window can be kept for each. */
export const playing = (): string | null => new URLSearchParams(location.search).get('as');

const as = (who: string | null): string => (who === null ? '' : `?as=${encodeURIComponent(who)}`);

/** Does it as the person who is played. Throws with what is wrong, in words. */
export async function act(asked: Act): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`/act${as(playing())}`, { method: 'POST', headers, body: JSON.stringify(asked) });
  const answer: Answer = await response.json();
  if (!response.ok) throw new Error(answer.problem ?? `The stage answered ${response.status}`);
  return answer;
}

export const events = (who: string | null): EventSource => new EventSource(`/events${as(who)}`);
