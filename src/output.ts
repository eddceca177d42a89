import { redactingConfig } from './domain/redaction.ts';
import type { Run } from './run.ts';

/** A failed output is kept by so many lines: what a person needs to see why it failed. */
const KEPT = 20;
/** So many before them are read with them: a secret may begin there that ends in what is kept. */
const READ_TOO = 20;

/** The last lines of what an app printed, without secrets. */
export function lastLines(): { push: (line: string) => void; kept: (run: Run) => Promise<string[]> } {
  const lines: string[] = [];
  return {
    push: line => {
      lines.push(line);
      if (lines.length > KEPT + READ_TOO) lines.shift();
    },
    kept: async run => {
      if (lines.length === 0) return [];
      try {
        const { app } = run.deploy.plan;
        const { heroku } = run.outside;
        const redact = redactingConfig(await heroku.config(app), await heroku.configSeen(app));
        return redact(lines.join('\n')).split('\n').slice(-KEPT);
      } catch (error) {
        run.signal.throwIfAborted();
        const why = error instanceof Error ? error.message : error;
        // Nobody knows which secrets are in them.
        return [`Not shown: ${run.deploy.plan.app}'s config vars, which might be in it, could not be read. ${why}`];
      }
    },
  };
}
