import { type Redact, redactingConfig } from './domain/redaction.ts';
import type { Heroku } from './outside.ts';
import type { Ledger } from './team.ts';

/**
 * What is told of an error that a deploy met: without secrets of the bot, and what this process has seen of the config vars of
 * its app. Which those are may be what cannot be known now; then it is told without.
 */
export async function troubleIn(
  error: unknown,
  deploy: string,
  ask: { ledger: Pick<Ledger, 'deploy'>; heroku: Pick<Heroku, 'configSeen'>; redact: Redact },
): Promise<string> {
  const { ledger, heroku, redact } = ask;
  const said = redact(error instanceof Error ? error.message : String(error));
  try {
    const { plan } = await ledger.deploy(deploy);
    return redactingConfig({}, await heroku.configSeen(plan.app))(said);
  } catch {
    return said;
  }
}
