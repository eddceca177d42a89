import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type * as Heroku from '@heroku-cli/schema';
import type { HerokuApp } from './app.ts';
import { Bucket } from './bucket.ts';
import type { LogFilter } from './contract.ts';
import type { Rendezvous } from './rendezvous.ts';
import type { Output } from './streams.ts';

/** A log session's address can be connected to for so long (session_expiry_s in heroku/logplex). */
const SESSION_MS = 360_000;

export type LogSession = { app: HerokuApp; filter: LogFilter; until: number };

/** What one account sees: its apps, its calls left, the addresses that were given out. */
export class Platform {
  readonly rendezvous: Rendezvous;
  readonly startedAt = new Date();
  readonly bucket = new Bucket();
  readonly apps: HerokuApp[] = [];
  readonly sources = new Map<string, Buffer | null>();
  readonly sessions = new Map<string, LogSession>();
  /** Log sessions that somebody is reading now. */
  readonly reading = new Set<{ app: HerokuApp; response: ServerResponse }>();

  constructor(rendezvous: Rendezvous) {
    this.rendezvous = rendezvous;
  }

  find(nameOrId: string): HerokuApp | undefined {
    return this.apps.find(app => app.name === nameOrId || app.id === nameOrId);
  }

  output(id: string): Output | null {
    for (const app of this.apps) {
      const found = app.builds.find(build => build.id === id) ?? app.releases.find(release => release.id === id);
      if (found) return found.output;
    }
    return null;
  }

  newSource(base: string): Required<Heroku.Source> {
    const id = randomUUID();
    this.sources.set(id, null);
    const url = `${base}/source-blobs/${id}`;
    return { source_blob: { get_url: `${url}?signature=get`, put_url: `${url}?signature=put` } };
  }

  newLogSession(app: HerokuApp, filter: LogFilter, base: string): Required<Heroku.LogSession> {
    const id = randomUUID();
    this.sessions.set(id, { app, filter, until: Date.now() + SESSION_MS });
    const at = new Date().toISOString();
    return { id, created_at: at, updated_at: at, logplex_url: `${base}/log-sessions/${id}?srv=1` };
  }
}
