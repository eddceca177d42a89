import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { type Probe, readVersion, type Version } from '../domain/app.ts';
import type { Answer, Prober } from '../outside.ts';
import { steadyNow } from './clock.ts';

const TIMEOUT_MS = 10_000;
const BODY_BYTES = 64 * 1024;

/**
 * Asks the app who serves, each time over a connection of its own: a kept one stays with its router, and an answer from
 * a cache says nothing. Never rejects but for the signal: what went wrong is in the answer.
 */
export const prober: Prober = {
  ask: (base, probe, signal) => {
    const url = new URL(probe.path, base);
    url.searchParams.set('switchover', randomBytes(6).toString('hex'));
    const send = url.protocol === 'https:' ? secure : plain;
    const headers = { 'User-Agent': 'Switchover-Probe', 'Cache-Control': 'no-cache', Accept: '*/*' };
    return new Promise<Answer>((resolve, reject) => {
      const sentAt = steadyNow();
      const timeout = AbortSignal.timeout(TIMEOUT_MS);
      const done = (rest: Omit<Answer, 'sentAt' | 'receivedAt'>) => {
        resolve({ sentAt, receivedAt: steadyNow(), ...rest });
        asked.destroy();
      };
      const failed = (error: Error) => {
        if (signal.aborted) return reject(signal.reason);
        // Refused at several addresses, the error has a code and no message.
        const { message, code } = error as NodeJS.ErrnoException;
        const problem = timeout.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : message || code || 'no answer';
        done({ status: null, version: null, problem });
      };
      const asked = send(url, { agent: false, headers, signal: AbortSignal.any([signal, timeout]) }, response => {
        const status = response.statusCode ?? null;
        if ('header' in probe) {
          const value = response.headers[probe.header.toLowerCase()];
          return done({ status, version: readVersion(Array.isArray(value) ? value[0] : value) });
        }
        readBody(response).then(
          body => done({ status, version: versionIn(body, probe) }),
          error => failed(error),
        );
      });
      asked.on('error', failed);
      asked.end();
    });
  },
};

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
    for (const key of json.split('.')) value = (value as Record<string, unknown> | null)?.[key];
    return typeof value === 'string' || typeof value === 'number' ? readVersion(String(value)) : null;
  } catch {
    return null;
  }
}
