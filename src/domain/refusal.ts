/**
 * What a person is told instead of getting what they asked for: every reason at once, each a sentence or two that says
 * what is wrong, why, and what to do next. Not an error of ours: it is shown, never logged.
 */
export class Refusal extends Error {
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(reasons.join('\n'));
    this.name = 'Refusal';
    this.reasons = reasons;
  }
}

/** A refusal for want of an answer from somebody else: the same may be asked again in a minute. */
export class NotNow extends Refusal {}

/** Words of others for a sentence of ours: they mention nobody. Ours do, so what is shown cannot tell them apart any more. */
export const withoutMentions = (words: string): string => words.replace(/<(?=[@#!]\w)/g, '‹');

/** With a full stop, unless it ends a sentence already: for what people gave as a reason. */
export const sentence = (words: string): string => (/[.!?…]$/.test(words) ? words : `${words}.`);
