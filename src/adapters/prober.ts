import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Probe, readVersion, type Version } from '../domain/app.ts';
import { PROBE_MARK } from '../domain/log-line.ts';
import type { Answer, Prober } from '../outside.ts';
import { steadyNow } from './clock.ts';
import type { Visit } from './visit.ts';

const TIMEOUT_MS = 10_000;
const BODY_BYTES = 64 * 1024;

/**
 * Asks the app who serves, each time over a connection of its own: a kept one stays with its router, and an answer from
 * a cache says nothing. Never rejects but for the signal: what went wrong is in the answer.
 */
export function createProber(visit: Visit): Prober {
  return {
    ask: async (base, probe, signal, mark = randomBytes(6).toString('hex')) => {
      const headers = { 'User-Agent': 'Switchover-Probe', 'Cache-Control': 'no-cache', Accept: '*/*' };
      const timeout = AbortSignal.timeout(TIMEOUT_MS);
      const sentAt = steadyNow();
      const told = (rest: Omit<Answer, 'sentAt' | 'receivedAt'>): Answer => ({
        sentAt,
        receivedAt: steadyNow(),
        ...rest,
      });
      try {
        const url = new URL(probe.path, base);
        url.searchParams.set(PROBE_MARK, mark);
        // A commit names the path: `//elsewhere/` in it is another host.
        if (url.origin !== new URL(base).origin) throw new Error(`${probe.path} leads away from the app`);
        const response = await visit(url, { headers, signal: AbortSignal.any([signal, timeout]) });
        try {
          return told({ status: response.statusCode ?? null, version: await versionOf(response, probe) });
        } finally {
          response.destroy();
        }
      } catch (error) {
        signal.throwIfAborted();
        // Refused at several addresses, the error has a code and no message.
        const { message, code } = error as NodeJS.ErrnoException;
        const problem = timeout.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : message || code || 'no answer';
        return told({ status: null, version: null, problem });
      }
    },
  };
}

async function versionOf(response: IncomingMessage, probe: Probe): Promise<Version> {
  if ('json' in probe) return versionIn(await readBody(response), probe);
  const value = response.headers[probe.header.toLowerCase()];
  return readVersion(Array.isArray(value) ? value[0] : value);
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > BODY_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Reads the value at a dotted path of a JSON body. */
function versionIn(body: string, { json }: Extract<Probe, { json: string }>): Version {
  try {
    let value: unknown = JSON.parse(body);
    for (const key of json.split('.')) value = typeof value === 'object' && value && own(value, key);
    return typeof value === 'string' || typeof value === 'number' ? readVersion(String(value)) : null;
  } catch {
    return null;
  }
}

/** What an object inherits is not in the answer. */
const own = (value: object, key: string): unknown =>
  Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
