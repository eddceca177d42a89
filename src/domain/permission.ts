import type { AppSettings } from './app.ts';
import type { Click } from './deploy.ts';

/** True when this Slack user may start, roll back and answer for deploys of the app. */
export function mayDeploy(settings: AppSettings, user: string): boolean {
  return settings.deployers.includes(user);
}

/** True when this Slack user may read how the app stands. */
export const maySee = (settings: AppSettings, user: string): boolean =>
  mayDeploy(settings, user) || settings.approvers.includes(user);

/** The refusal for somebody who may not deploy: names whom to ask. */
export function askThem(settings: AppSettings): string {
  const who = settings.deployers.map(user => `<@${user}>`).join(', ') || 'nobody yet';
  return `You may not deploy ${settings.name}. Those who may: ${who}. Ask one of them to start it, or to add you to the app's deployers.`;
}

/** Presses that only an approver may make. */
export const isApproval = (kind: Click['kind']): boolean => kind === 'run them' || kind === 'hold';

/** Presses that end an outage: any deployer or approver may, the starter too. */
export const isRescue = (kind: Click['kind']): boolean => kind === 'open' || kind === 'try again';

/** Why this person may not answer for the contract migrations of a deploy, or for `what` else; null when they may. Four eyes, unless the app says otherwise. */
export function approvalRefused(
  { name, approvers, fourEyes }: AppSettings,
  { user, startedBy, what = 'contract migrations' }: { user: string; startedBy: string; what?: string },
): string | null {
  const others = approvers.filter(approver => !fourEyes || approver !== startedBy);
  const who = others.map(approver => `<@${approver}>`).join(', ') || 'nobody yet';
  if (!approvers.includes(user)) {
    return `You may not approve ${what} of ${name}. Those who may: ${who}. Ask one of them, or to be added to the app's approvers.`;
  }
  if (fourEyes && user === startedBy) {
    return `You started this deploy, and ${name} wants a second person to approve what it destroys. Those who may: ${who}.`;
  }
  return null;
}
