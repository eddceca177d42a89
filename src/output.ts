import { configSecrets, type Redact, redacting } from './domain/redaction.ts';
import type { Run } from './run.ts';

/** Hides every value of the app's config vars that we have seen, those of now too, and what looks like a secret. Rejects when Heroku does not tell them. */
export async function redactingFor({ outside: { heroku }, deploy }: Run): Promise<Redact> {
  const now = await heroku.config(deploy.plan.app);
  return redacting([...configSecrets(now), ...(await heroku.configSeen(deploy.plan.app))]);
}

/** The last lines of what an app printed, 20 of them: what a person needs to see why something failed. */
export function lastLines(): { push: (line: string) => void; kept: (run: Run) => Promise<string[]> } {
  const lines: string[] = [];
  return {
    push: line => {
      lines.push(line);
      if (lines.length > 20) lines.shift();
    },
    kept: async run => {
      if (lines.length === 0) return [];
      try {
        return (await redactingFor(run))(lines.join('\n')).split('\n');
      } catch (error) {
        run.signal.throwIfAborted();
        const why = error instanceof Error ? error.message : error;
        // Nobody knows which secrets are in them.
        return [`Not shown: ${run.deploy.plan.app}'s config vars, which might be in it, could not be read. ${why}`];
      }
    },
  };
}
