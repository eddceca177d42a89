import type { AppSettings } from './app.ts';

/** True when this Slack user may start, roll back and answer for deploys of the app. */
export function mayDeploy(settings: AppSettings, user: string): boolean {
  return settings.deployers.includes(user);
}

/** The refusal for somebody who may not deploy: names whom to ask. */
export function askThem(settings: AppSettings): string {
  const who = settings.deployers.map(user => `<@${user}>`).join(', ') || 'nobody yet';
  return `You may not deploy ${settings.name}. Those who may: ${who}. Ask one of them to start it, or to add you to the app's deployers.`;
}
