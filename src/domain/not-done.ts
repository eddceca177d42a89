/**
 * Why what somebody asked is not done: it could not be kept, came from another workspace or Slack app, or was left
 * by a bot that died and cannot be brought to its end any more.
 */
export type NotDone = 'not taken' | 'not ours' | 'left';
