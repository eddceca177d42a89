/**
 * Why what somebody asked is not done: it could not be kept, or nobody knows whether it was, came from another workspace or
 * Slack app, or was left by a bot that died and cannot be brought to its end any more.
 */
export type NotDone = 'not taken' | 'perhaps taken' | 'not ours' | 'left';
