import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import HerokuClient from 'heroku-client';
import pRetry, { AbortError } from 'p-retry';
import { z } from 'zod';
import { readLogLine } from '../domain/log-line.ts';
import { withoutMentions } from '../domain/refusal.ts';
import { type Heroku, HerokuRefused, type MayAct } from '../outside.ts';
import { steadyNow } from './clock.ts';
import * as shape from './heroku-shapes.ts';
import { outputOf, outputThenStatus, readLines, settled } from './heroku-streams.ts';

/** The longest that one call may take, its body included: heroku-client itself never settles on a truncated body. */
const CALL_MS = 15_000;
const UPLOAD_MS = 5 * 60_000;
/** 75 calls come back each minute (platform API reference, rate limits): sooner there is hardly one to be had. */
const RATE_LIMITED_MS = 5_000;
/** A build can have succeeded a moment before its release is there; not minutes. */
const RELEASE_NAMED_MS = 5 * 60_000;
const BACKLOG = 1_500;
/** Heroku's API and its log may tell times that differ by this much: an assumption. */
const CLOCKS_MS = 2_000;
const GRAIN_MS = 1_000; // The API tells times in whole seconds, cut off (Platform API reference).

type Call = { method: 'GET' | 'POST' | 'PATCH' | 'DELETE'; path: string; body?: object; range?: string };

/** What belongs to an app whatever token it is reached with, others keep. */
export type HerokuOfOneToken = Omit<Heroku, 'configSeen'>;

/** Heroku's Platform API. Throws HerokuRefused for a plain no; other errors mean that the answer was not heard. */
export function connectHeroku({ url, token }: { url: string; token: string }): HerokuOfOneToken {
  stopClientRetries();
  // Its own timeout comes later than ours, only to close the connection.
  const client = new HerokuClient({ host: url, token, partial: true, userAgent: 'switchover', timeout: CALL_MS + 500 });

  /** By slug, which never changes: each call counts against the account's. */
  const commits = new Map<string, string | null>();

  /** Sends a call once. */
  const send = <T extends z.ZodType>(answer: T, call: Call, signal?: AbortSignal): Promise<z.infer<T>> =>
    new Promise((resolve, reject) => {
      const { method, path, body, range = 'id ..; max=1000' } = call;
      const named = `${method} ${path}`;
      let response: IncomingMessage | undefined;
      const timeout = AbortSignal.timeout(CALL_MS);
      const limit = signal ? AbortSignal.any([signal, timeout]) : timeout;
      const late = () => new Error(`Heroku did not answer ${named} within ${CALL_MS / 1000} s`);
      limit.addEventListener('abort', () => {
        reject(signal?.aborted ? signal.reason : late());
        response?.destroy();
      });
      const middleware = (incoming: unknown, next: () => void) => {
        const answered = incoming as IncomingMessage;
        // Else heroku-client decodes each chunk by itself, and breaks a letter that two of them share.
        response = answered.setEncoding('utf8');
        answered.once('close', () => answered.complete || reject(new Error(`Heroku's answer to ${named} was cut off`)));
        // On a 304 heroku-client throws where nobody can catch it.
        if (answered.statusCode !== 304) return next();
        reject(new Error(`Heroku answered ${named} with 304`));
        answered.destroy();
      };
      client
        .request({ method, path, middleware, ...(body && { body }), headers: { Range: range } })
        .catch((error: unknown) => Promise.reject(ours(error, named)))
        .then((json: unknown) => resolve(shape.readAnswer(answer, json, named)))
        .catch(reject);
    });

  /** For calls that may be made twice: they are, unless Heroku says a plain no. */
  const repeat = <T extends z.ZodType>(
    answer: T,
    call: Call,
    { signal, mayAct }: { signal?: AbortSignal | undefined; mayAct?: MayAct } = {},
  ): Promise<z.infer<T>> => {
    const attempt = async () => {
      if (mayAct) await mayAct().catch(abort);
      return send(answer, call, signal).catch(giveUp);
    };
    return pRetry(attempt, {
      retries: 4,
      minTimeout: 500,
      maxTimeout: 5_000,
      maxRetryTime: 45_000,
      randomize: true,
      signal,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (error instanceof RateLimited && retriesLeft > 0) await sleep(RATE_LIMITED_MS, undefined, { signal });
      },
    });
  };

  /** For calls that change something: sent once. Only what Heroku surely did not take is sent again. */
  const once = <T extends z.ZodType>(answer: T, path: string, body: object, mayAct: MayAct): Promise<z.infer<T>> => {
    const attempt = async () => {
      await mayAct().catch(abort);
      return send(answer, { method: 'POST', path, body });
    };
    return pRetry(attempt, {
      retries: 5,
      minTimeout: RATE_LIMITED_MS,
      maxTimeout: 60_000,
      shouldRetry: ({ error }) => wasNotTaken(error),
    });
  };

  const get = <T extends z.ZodType>(answer: T, path: string, signal?: AbortSignal): Promise<z.infer<T>> =>
    repeat(answer, { method: 'GET', path }, { signal });
  const list = <T extends z.ZodType>(answer: T, path: string, by: string, most: number): Promise<z.infer<T>> =>
    repeat(answer, { method: 'GET', path, range: `${by} ..; order=desc,max=${most}` });
  const release = (app: string, which: string, signal?: AbortSignal) =>
    get(shape.releaseShape, `/apps/${app}/releases/${which}`, signal);
  const build = (app: string, which: string, signal?: AbortSignal) =>
    get(shape.buildShape, `/apps/${app}/builds/${which}`, signal);

  return {
    app: name => get(shape.appShape, `/apps/${name}`),
    preboot: async app => (await get(shape.featureShape, `/apps/${app}/features/preboot`)).enabled,
    formation: app => get(shape.formationShape, `/apps/${app}/formation`),
    dynos: app => get(shape.dynosShape, `/apps/${app}/dynos`),
    releases: (app, most) => list(shape.releaseShape.array(), `/apps/${app}/releases`, 'version', most),
    release: (app, which) => release(app, which),
    slugCommit: async (app, slug) => {
      const known = commits.get(slug);
      if (known !== undefined) return known;
      const { commit = null } = await get(shape.slugShape, `/apps/${app}/slugs/${slug}`);
      commits.set(slug, commit);
      return commit;
    },
    builds: async (app, most) => {
      const path = `/apps/${app}/builds`;
      // `started_at` is the other order that the reference names. Where it is refused, a whole page by id must do.
      const found = await list(shape.buildShape.array(), path, 'started_at', most).catch(error => {
        if (error instanceof HerokuRefused && error.status === 416) return get(shape.buildShape.array(), path);
        throw error;
      });
      return found.sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt)).slice(0, most);
    },
    build: (app, which) => build(app, which),
    config: app => get(shape.configShape, `/apps/${app}/config-vars`),
    sharedDatabases: async app => {
      const addons = await get(shape.addonsShape, `/apps/${app}/addons`);
      const databases = addons.filter(addon => addon.addon_service.name.includes('postgres'));
      const attached = await Promise.all(
        databases.map(async ({ id, name, app: owner }) => {
          // Where another app owns it, we need not be let in: then that one is all that can be told.
          const attachments = await get(shape.attachmentsShape, `/addons/${id}/addon-attachments`).catch(noneOnRefusal);
          const users = new Set([owner.name, ...attachments.map(attachment => attachment.app.name)]);
          users.delete(app);
          return { database: name, apps: [...users] };
        }),
      );
      return attached.filter(({ apps }) => apps.length > 0);
    },
    tokensLeft: async () => (await get(shape.rateLimitShape, '/account/rate-limits')).remaining,
    uploadSource: async (_, tarball) => {
      const { source_blob } = await repeat(shape.sourceShape, { method: 'POST', path: '/sources', body: {} });
      await pRetry(() => store(source_blob.put_url, tarball), { retries: 3, maxRetryTime: UPLOAD_MS });
      return source_blob.get_url;
    },
    setMaintenance: async (app, maintenance, mayAct) => {
      await repeat(shape.appShape, { method: 'PATCH', path: `/apps/${app}`, body: { maintenance } }, { mayAct });
    },
    startBuild: (app, { url, commit, marker }, mayAct) => {
      const source_blob = { url, version: commit, version_description: marker };
      return once(shape.buildShape, `/apps/${app}/builds`, { source_blob }, mayAct);
    },
    cancelBuild: async (app, id, mayAct) => {
      const path = `/apps/${app}/builds/${id}`;
      await repeat(z.unknown(), { method: 'DELETE', path }, { mayAct }).catch(error => {
        if (!(error instanceof HerokuRefused)) throw error;
      });
    },
    scale: async (app, updates, mayAct) => {
      await repeat(z.unknown(), { method: 'PATCH', path: `/apps/${app}/formation`, body: { updates } }, { mayAct });
    },
    rollBack: (app, releaseId, mayAct) =>
      once(shape.releaseShape, `/apps/${app}/releases`, { release: releaseId }, mayAct),
    buildEnded: async (app, begun, onLine, signal) => {
      const read = () => build(app, begun.id, signal);
      const output = outputOf(begun.outputUrl, onLine);
      const ended = await outputThenStatus(output, read, now => now.status !== 'pending', signal);
      if (ended.status === 'failed' || ended.release) return ended;
      const limit = AbortSignal.timeout(RELEASE_NAMED_MS);
      return settled(read, now => now.release !== null, AbortSignal.any([signal, limit])).catch(error => {
        if (limit.aborted) throw new Error(`Build ${begun.id} succeeded, and Heroku names no release of it`);
        throw error;
      });
    },
    releaseEnded: async (app, begun, onLine, signal) => {
      if (begun.status === 'succeeded') return begun;
      const read = () => release(app, begun.id, signal);
      const isOver = (now: { status: string }) => now.status !== 'pending';
      if (!begun.outputUrl) return settled(read, isOver, signal);
      return outputThenStatus(outputOf(begun.outputUrl, onLine), read, isOver, signal);
    },
    startOneOff: (app, command, env, mayAct) => {
      // With a terminal its input would come back in its output.
      const ask = { command, env, attach: true, force_no_tty: true };
      return once(shape.waitingDynoShape, `/apps/${app}/dynos`, ask, mayAct);
    },
    stopDyno: async (app, name, mayAct) => {
      await once(z.unknown(), `/apps/${app}/dynos/${name}/actions/stop`, {}, mayAct);
    },
    openLog: async function* (app, signal, onWhole) {
      const path = `/apps/${app}/log-sessions`;
      const ask = { method: 'POST', path, body: { lines: BACKLOG, tail: true } } as const;
      const askedAt = steadyNow();
      const session = await send(shape.logSessionShape, ask, signal);
      let live = Number.NaN;
      let known = 0;
      for await (const line of readLines(session.logplex_url, signal)) {
        // What is replayed ends when the stream is connected to: some time before its first line comes.
        live ||= Date.parse(session.created_at) + GRAIN_MS + CLOCKS_MS + (steadyNow() - askedAt);
        yield line;
        if (known >= BACKLOG) continue;
        // With the first line that was surely said later, all that was to be replayed has been.
        const isLive = (readLogLine(line)?.at ?? 0) > live;
        if (isLive) onWhole?.();
        known = isLive ? BACKLOG : known + 1;
      }
    },
  };
}

async function store(url: string, tarball: Uint8Array): Promise<void> {
  // The address is signed for a request without a content type.
  const headers = { 'content-type': '' };
  const stored = await fetch(url, { method: 'PUT', body: tarball, headers, signal: AbortSignal.timeout(UPLOAD_MS) });
  await stored.body?.cancel();
  if (stored.ok) return;
  const error = new Error(`The source could not be stored: ${stored.status}`);
  throw stored.status < 500 ? new AbortError(error) : error;
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

/** 429: the account's calls are used up. Heroku did nothing. */
class RateLimited extends Error {}

/** What heroku-client rejects with, as one of ours: it names the call and no secret. */
function ours(error: unknown, named: string): Error {
  const { statusCode, body } = error as { statusCode?: number; body?: unknown };
  if (!statusCode) return new Error(`Heroku could not be asked ${named}`, { cause: error });
  if (statusCode === 429) return new RateLimited(`Heroku's limit of calls is reached: it did not take ${named}`);
  const read = shape.errorShape.safeParse(body);
  const { id, message } = read.success ? read.data : { id: 'unknown', message: 'no reason given' };
  if (statusCode >= 400 && statusCode < 500)
    return new HerokuRefused(statusCode, id, `Heroku refused ${named}: ${withoutMentions(message)}`);
  return new Error(`Heroku answered ${named} with ${statusCode}`);
}

/** Minutes may lie between two attempts: what is no longer ours is not tried again. */
function abort(error: Error): never {
  throw new AbortError(error);
}

function giveUp(error: Error): never {
  throw error instanceof HerokuRefused || error instanceof shape.NotAsDocumented ? new AbortError(error) : error;
}

function noneOnRefusal(error: unknown): [] {
  if (error instanceof HerokuRefused) return [];
  throw error;
}

const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'];

function wasNotTaken(error: Error): boolean {
  const { code = '' } = (error.cause ?? {}) as { code?: string };
  return error instanceof RateLimited || NEVER_SENT.includes(code);
}
