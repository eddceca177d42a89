import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import HerokuClient from 'heroku-client';
import pRetry, { AbortError } from 'p-retry';
import type { z } from 'zod';
import { type Build, type Heroku, HerokuRefused, type Release } from '../outside.ts';
import * as shape from './heroku-shapes.ts';
import { followOutput, readLines, settled } from './heroku-streams.ts';

/** The longest that one call may take, its body included: heroku-client itself never settles on a truncated body. */
const CALL_MS = 15_000;
const UPLOAD_MS = 5 * 60_000;
const BACKLOG = 1_500;

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';
type Call = { method: Method; path: string; body?: object; range?: string };

/** Heroku's Platform API. Throws HerokuRefused for a plain no; other errors mean that the answer was not heard. */
export function connectHeroku({ url, token }: { url: string; token: string }): Heroku {
  stopClientRetries();
  const client = new HerokuClient({ host: url, token, partial: true, userAgent: 'switchover' });

  /** Sends a call once. */
  const send = <T extends z.ZodType>(answer: T, { method, path, body, range }: Call): Promise<z.infer<T>> =>
    new Promise((resolve, reject) => {
      const named = `${method} ${path}`;
      const timer = setTimeout(
        () => reject(new Error(`Heroku did not answer ${named} within ${CALL_MS / 1000} s`)),
        CALL_MS,
      );
      const cut = (response: IncomingMessage) => () => {
        if (!response.complete) reject(new Error(`Heroku's answer to ${named} was cut off`));
      };
      const middleware = (response: unknown, next: () => void) => {
        const incoming = response as IncomingMessage;
        incoming.once('close', cut(incoming));
        next();
      };
      client
        .request({ method, path, middleware, ...(body && { body }), headers: { Range: range ?? 'id ..; max=1000' } })
        .then(
          (json: unknown) => {
            const read = answer.safeParse(json);
            if (read.success) return resolve(read.data);
            const fields = read.error.issues.map(issue => issue.path.join('.')).join(', ');
            reject(new Error(`Heroku's answer to ${named} is not as documented: ${fields}`));
          },
          (error: unknown) => reject(named4xx(error, named)),
        )
        .finally(() => clearTimeout(timer));
    });

  /** A read may be repeated: it is, unless Heroku says a plain no. */
  const get = <T extends z.ZodType>(answer: T, path: string, range?: string): Promise<z.infer<T>> =>
    pRetry(() => send(answer, { method: 'GET', path, ...(range && { range }) }).catch(giveUpOnRefusal), {
      retries: 4,
      minTimeout: 500,
      maxTimeout: 5_000,
      maxRetryTime: 45_000,
      randomize: true,
    });

  /** A call that changes something is sent once. Only what Heroku surely did not take is sent again. */
  const post = <T extends z.ZodType>(answer: T, path: string, body: object): Promise<z.infer<T>> =>
    pRetry(() => send(answer, { method: 'POST', path, body }), {
      retries: 5,
      minTimeout: 5_000,
      maxTimeout: 60_000,
      shouldRetry: ({ error }) => wasNotTaken(error),
    });

  const releases = (app: string, most: number) =>
    get(shape.releaseShape.array(), `/apps/${app}/releases`, `version ..; order=desc,max=${most}`);
  const release = (app: string, which: string) => get(shape.releaseShape, `/apps/${app}/releases/${which}`);
  const build = (app: string, which: string) => get(shape.buildShape, `/apps/${app}/builds/${which}`);

  return {
    app: name => get(shape.appShape, `/apps/${name}`),
    preboot: async app => (await get(shape.featureShape, `/apps/${app}/features/preboot`)).enabled,
    formation: app => get(shape.formationShape, `/apps/${app}/formation`),
    dynos: app => get(shape.dynosShape, `/apps/${app}/dynos`),
    releases,
    release,
    slugCommit: async (app, slug) => (await get(shape.slugShape, `/apps/${app}/slugs/${slug}`)).commit ?? null,
    builds: async (app, most) => {
      // Sorted by id whatever we ask: all of a page are read, and the newest taken.
      const all = await get(shape.buildShape.array(), `/apps/${app}/builds`);
      return all.sort((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, most);
    },
    build,
    sharedDatabases: async app => {
      const addons = await get(shape.addonsShape, `/apps/${app}/addons`);
      const databases = addons.filter(addon => addon.addon_service.name.includes('postgres'));
      const attached = await Promise.all(
        databases.map(async ({ id, name }) => {
          const attachments = await get(shape.attachmentsShape, `/addons/${id}/addon-attachments`);
          const others = new Set(attachments.map(attachment => attachment.app.name).filter(other => other !== app));
          return { database: name, apps: [...others] };
        }),
      );
      return attached.filter(({ apps }) => apps.length > 0);
    },
    tokensLeft: async () => (await get(shape.rateLimitShape, '/account/rate-limits')).remaining,
    uploadSource: async tarball => {
      const { source_blob } = await post(shape.sourceShape, '/sources', {});
      const signal = AbortSignal.timeout(UPLOAD_MS);
      // The address is signed for a request without a content type.
      const stored = await fetch(source_blob.put_url, {
        method: 'PUT',
        body: tarball,
        headers: { 'content-type': '' },
        signal,
      });
      if (!stored.ok) throw new Error(`The source could not be stored: ${stored.status}`);
      return source_blob.get_url;
    },
    startBuild: (app, { url, commit, marker }) =>
      post(shape.buildShape, `/apps/${app}/builds`, {
        source_blob: { url, version: commit, version_description: marker },
      }),
    rollBack: (app, releaseId) => post(shape.releaseShape, `/apps/${app}/releases`, { release: releaseId }),
    buildEnded: async (app, begun, onLine, signal): Promise<Build> => {
      await followOutput(begun.outputUrl, onLine, signal);
      // A build can have succeeded a moment before its release is there.
      const ended = (now: Build) => now.status === 'failed' || (now.status === 'succeeded' && now.release !== null);
      return settled(() => build(app, begun.id), ended, signal);
    },
    releaseEnded: async (app, begun, onLine, signal): Promise<Release> => {
      if (begun.status !== 'pending') return begun;
      if (begun.outputUrl) await followOutput(begun.outputUrl, onLine, signal);
      // A release can stay pending after its output ended (heroku/cli#1271).
      return settled(
        () => release(app, begun.id),
        now => now.status !== 'pending',
        signal,
      );
    },
    openLog: async function* (app, signal) {
      const session = await post(shape.logSessionShape, `/apps/${app}/log-sessions`, { lines: BACKLOG, tail: true });
      yield* readLines(session.logplex_url, signal);
    },
  };
}

/** heroku-client repeats every call up to four times after a socket error, a POST too: one build became five. */
function stopClientRetries(): void {
  const { prototype } = createRequire(import.meta.url)('heroku-client/lib/request') as {
    prototype: { isRetryAllowed?: () => boolean };
  };
  if (typeof prototype.isRetryAllowed !== 'function')
    throw new Error('This heroku-client cannot be kept from repeating calls');
  prototype.isRetryAllowed = () => false;
}

/** What heroku-client rejects with, as one of ours: a refusal for a 4xx, else an error that names the call and no secret. */
function named4xx(error: unknown, named: string): Error {
  const { statusCode, body } = error as { statusCode?: number; body?: unknown };
  if (!statusCode) return new Error(`Heroku could not be asked ${named}`, { cause: error });
  const read = shape.errorShape.safeParse(body);
  const { id, message } = read.success ? read.data : { id: 'unknown', message: 'no reason given' };
  if (statusCode >= 400 && statusCode < 500)
    return new HerokuRefused(statusCode, id, `Heroku refused ${named}: ${message}`);
  return new Error(`Heroku answered ${named} with ${statusCode}`);
}

function giveUpOnRefusal(error: Error): never {
  if (error instanceof HerokuRefused && error.status !== 429) throw new AbortError(error);
  throw error;
}

function wasNotTaken(error: Error): boolean {
  if (error instanceof HerokuRefused) return error.status === 429;
  const cause = error.cause as { code?: string } | undefined;
  return cause?.code === 'ECONNREFUSED';
}
