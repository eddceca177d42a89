import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type TestContext, vi } from 'vitest';
import type { AppRuntime, FormationEntry, RequestRecord, RunnableRelease, TruthRecord } from '../contract.ts';
import { startAppRuntime } from '../runtime.ts';

/** The window is 3 s: (60 + 120) / 60. */
export const SCALE = 60;

// Behaves as its config vars say. Answers /hold only after it was told to stop.
const APP = `
const { createServer } = require('node:http');
const { env } = process;
const held = [];
const server = createServer((request, response) => {
  const answer = () => response.end(env.HEROKU_RELEASE_VERSION + ' ' + env.DYNO);
  if (request.url === '/hold') held.push(answer);
  else answer();
});
process.on('SIGTERM', () => {
  console.log('got SIGTERM');
  setTimeout(() => held.forEach(answer => answer()), 100);
  if (env.ON_TERM !== 'stay') server.close(() => process.exit(143));
});
if (env.CRASH_AFTER_MS) setTimeout(() => process.exit(1), Number(env.CRASH_AFTER_MS));
if (env.BIND === 'never') setInterval(() => {}, 1000);
else server.listen(env.PORT);
`;

const WORKER = `
process.on('SIGTERM', () => process.exit(143));
console.log('working on ' + process.env.HEROKU_RELEASE_VERSION);
setInterval(() => {}, 1000);
`;

const PROCFILE = { web: 'node app.cjs', worker: 'node worker.cjs' };

export type Answer = { status: number; release: string; dyno: string; server: string | undefined };

export type Rig = {
  runtime: AppRuntime;
  requests: RequestRecord[];
  truth: TruthRecord[];
  /** `web.1: State changed from starting to up`, in order; `app` lines as `app web.1: …`. */
  lines: string[];
  dir: string;
  release(version: number, config?: Record<string, string>, processTypes?: Record<string, string>): RunnableRelease;
  /** One request over a connection of its own. */
  get(path?: string): Promise<Answer>;
  until(what: string, isSo: () => boolean): Promise<void>;
  /** Until all web dynos that are shown are up. */
  allUp(): Promise<void>;
  /** One request every 20 ms until told to stop; settles when all are answered. */
  traffic(): { stop(): Promise<Answer[]> };
};

/** An app on real processes in a folder of its own; both are gone when the test is over. */
export async function startRig(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  ask: { preboot: boolean; formation?: FormationEntry[]; scale?: number },
): Promise<Rig> {
  const dir = await mkdtemp(join(tmpdir(), 'slug-'));
  await writeFile(join(dir, 'app.cjs'), APP);
  await writeFile(join(dir, 'worker.cjs'), WORKER);
  const requests: RequestRecord[] = [];
  const truth: TruthRecord[] = [];
  const lines: string[] = [];
  const runtime = await startAppRuntime({
    app: { id: 'b6c0e8a1-0000-4000-8000-000000000001', name: 'shop', domain: 'shop.herokuapp.test' },
    scale: SCALE,
    routers: 3,
    port: 0,
    formation: [{ type: 'web', quantity: 2, size: 'Standard-1X' }],
    ...ask,
    onRequest: record => requests.push(record),
    onTruth: record => truth.push(record),
  });
  const tail = new AbortController();
  void (async () => {
    for await (const { source, process, text } of runtime.logs.read({ lines: 0, tail: true }, tail.signal)) {
      lines.push(`${source === 'app' ? 'app ' : ''}${process}: ${text}`);
    }
  })();
  onTestFinished(async () => {
    await runtime.close();
    tail.abort();
    await rm(dir, { recursive: true });
  });

  const until: Rig['until'] = (what, isSo) => {
    const look = () => {
      if (!isSo()) throw new Error(`Not seen: ${what}. The log:\n${lines.join('\n')}`);
    };
    return vi.waitFor(look, { timeout: 20_000, interval: 20 });
  };
  const get = (path = '/') => fetchOnce(runtime.url + path);
  return {
    runtime,
    requests,
    truth,
    lines,
    dir,
    get,
    until,
    release: (version, config = {}, processTypes = PROCFILE) => ({
      id: `release-${version}`,
      version,
      createdAt: new Date(),
      slug: { id: 'slug', dir, processTypes, commit: '6909d7c6aa0000000000000000000000000000aa' },
      config,
    }),
    allUp: () =>
      until('all web dynos up', () => {
        const web = runtime.dynos().filter(dyno => dyno.type === 'web');
        return web.length > 0 && web.every(dyno => dyno.state === 'up');
      }),
    traffic() {
      let on = true;
      const answers: Promise<Answer>[] = [];
      const sent = (async () => {
        while (on) {
          answers.push(get());
          await delay(20);
        }
      })();
      return {
        async stop() {
          on = false;
          await sent;
          return Promise.all(answers);
        },
      };
    },
  };
}

function fetchOnce(url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpGet(url, { agent: false }, response => {
      let body = '';
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        const [release = '', dyno = ''] = body.split(' ');
        resolve({ status: response.statusCode ?? 0, release, dyno, server: response.headers.server?.toString() });
      });
    });
    request.once('error', reject);
  });
}
