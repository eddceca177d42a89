import { SlackError } from './slack-error.ts';

/**
 * The one call that takes the app's own token (docs.slack.dev, apps.connections.open). Socket Mode itself is not played:
 * nobody listens at the address.
 */
export function openConnection(given: unknown, { botToken, appToken }: { botToken: string; appToken: string | null }) {
  if (!given) throw new SlackError('not_authed');
  if (given === botToken) throw new SlackError('not_allowed_token_type');
  if (given !== appToken) throw new SlackError('invalid_auth');
  return { url: 'wss://127.0.0.1:1/link/?ticket=unplayed' };
}
