import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import inspector from 'node:inspector';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigrator } from '../src/adapters/migrator.ts';
import type { MigrationReading } from '../src/outside.ts';
import { commitOf } from './commits.ts';
import { PLACE } from './migrator-rig.ts';

const readFiles = async (files: Record<string, string>): Promise<MigrationReading> =>
  createMigrator().read({ tarball: await commitOf(files), place: PLACE, applied: {} });

describe('a malicious migration', () => {
  let outside: string;
  const secret = 'xoxb-of-the-bot';

  beforeAll(async () => {
    outside = await mkdtemp(join(tmpdir(), 'outside-'));
    await writeFile(join(outside, 'secret'), secret);
    process.env.SWITCHOVER_TEST_TOKEN = secret;
  });
  afterAll(async () => {
    delete process.env.SWITCHOVER_TEST_TOKEN;
    await rm(outside, { recursive: true, force: true });
  });

  /** What each attempt gave, as the migration itself tells it in its SQL. */
  async function attempts(tries: Record<string, string>): Promise<Record<string, string>> {
    const program = `export const up = pgm => {
      const tries = { ${Object.entries(tries).map(([name, body]) => `${name}: () => ${body}`)} };
      for (const [name, go] of Object.entries(tries)) {
        let said;
        try { said = String(go()); } catch (error) { said = 'refused: ' + (error.code ?? error.message); }
        pgm.sql('-- ' + name + ' = ' + said.replace(/\\s/g, ' ') + '\\nSELECT 1');
      }
    };`;
    const { files } = await readFiles({ 'migrations/1_evil.cjs': program.replace('export const up', 'exports.up') });
    const said = [...(files[0]?.sql ?? '').matchAll(/^-- (\w+) = (.*)$/gm)];
    return Object.fromEntries(said.map(([, name = '', what]) => [name, what ?? '']));
  }

  it('finds nothing of ours: no environment, no files, no memory of the bot', async () => {
    const seen = await attempts({
      environment: 'JSON.stringify(process.env)',
      ourEnvironment: "require('fs').readFileSync('/proc/' + process.ppid + '/environ', 'utf8')",
      ownEnvironment: "require('fs').readFileSync('/proc/self/environ', 'utf8')",
      file: `require('fs').readFileSync('${outside}/secret', 'utf8')`,
      folder: `require('fs').readdirSync('${outside}')`,
      project: `require('fs').readFileSync('${process.cwd()}/package-lock.json', 'utf8')`,
      linked: `require('fs').symlinkSync('${outside}', __dirname + '/link')`,
      arguments: "process.argv.slice(2).join() + process.execArgv.join().includes('postgres:')",
    });
    expect(seen).toEqual({
      environment: '{}',
      ourEnvironment: 'refused: ERR_ACCESS_DENIED',
      ownEnvironment: 'refused: ERR_ACCESS_DENIED',
      file: 'refused: ERR_ACCESS_DENIED',
      folder: 'refused: ERR_ACCESS_DENIED',
      project: 'refused: ERR_ACCESS_DENIED',
      linked: 'refused: ERR_ACCESS_DENIED',
      arguments: 'false',
    });
  });

  it('can do nothing: no writing, no processes, no threads, no signals, no flags of V8, no databases of Node', async () => {
    // Signal 0 is sent to nobody: only whether it could be is told.
    const unstarted = "new (require('child_process').ChildProcess)()";
    const seen = await attempts({
      write: `require('fs').writeFileSync('${outside}/written', 'x')`,
      writeHere: "require('fs').writeFileSync(__filename, 'x')",
      spawn: "require('child_process').spawnSync('id')",
      replace: "process.execve('/bin/true', ['true'], {})",
      thread: "new (require('worker_threads').Worker)('1', { eval: true })",
      native: "process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6')",
      inspector: "new (require('inspector').Session)().connect()",
      kill: "process.kill(process.ppid, 'SIGKILL')",
      killBelow: 'process._kill(process.ppid, 9)',
      debugBot: 'process._debugProcess(process.ppid)',
      killGroup: `${unstarted}._handle.kill(0)`,
      killAsChild: `(child => { child._handle.pid = process.ppid; return child.kill(0); })(${unstarted})`,
      slowBot: "require('os').setPriority(process.ppid, 0)",
      flags: "require('v8').setFlagsFromString('--no-trace-turbo')",
      database: `new (require('node:sqlite').DatabaseSync)('${outside}/written.db')`,
    });
    expect(seen).toEqual({
      write: 'refused: ERR_ACCESS_DENIED',
      writeHere: 'refused: ERR_ACCESS_DENIED',
      spawn: 'refused: ERR_ACCESS_DENIED',
      replace: 'refused: ERR_ACCESS_DENIED',
      thread: 'refused: ERR_ACCESS_DENIED',
      native: 'refused: ERR_DLOPEN_DISABLED',
      inspector: 'refused: ERR_ACCESS_DENIED',
      kill: 'refused: process.kill is not a function',
      killBelow: 'refused: process._kill is not a function',
      debugBot: 'refused: process._debugProcess is not a function',
      killGroup: 'refused: (intermediate value)._handle.kill is not a function',
      killAsChild: 'refused: this._handle.kill is not a function',
      slowBot: 'refused: require(...).setPriority is not a function',
      flags: 'refused: require(...).setFlagsFromString is not a function',
      database: expect.stringMatching(/^refused: (ERR_UNKNOWN_BUILTIN_MODULE|MODULE_NOT_FOUND)$/),
    });
    expect(existsSync(join(outside, 'written'))).toBe(false);
    expect(existsSync(join(outside, 'written.db'))).toBe(false);
  });

  it('cannot have V8 write a file', async () => {
    const trace = join(outside, 'trace.cfg');
    const { problems } = await readFiles({
      'migrations/1_flags.mjs': `import { setFlagsFromString } from 'node:v8';
        export const up = () => {
          for (const flag of ['--trace-turbo', '--trace-turbo-path=${outside}', '--trace-turbo-cfg-file=${trace}'])
            setFlagsFromString(flag);
          const add = (a, b) => { let sum = 0; for (let i = 0; i < 2e7; i++) sum = (sum + i * a + b) | 0; return sum; };
          for (let i = 0; i < 5; i++) add(i, 1);
        };`,
    });
    expect(await readdir(outside)).toEqual(['secret']);
    expect(problems).toEqual([expect.stringContaining('setFlagsFromString')]);
  });

  it('is in a group of processes of its own: no signal to its group reaches the bot', async () => {
    const childrenOf = async () =>
      (await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')).trim().split(' ');
    const before = await childrenOf();
    const reading = readFiles({
      'migrations/1_slow.cjs': 'exports.up = () => new Promise(go => setTimeout(go, 2_000));',
    });
    const groupOf = async (pid: number | string) => (await readFile(`/proc/${pid}/stat`, 'utf8')).split(' ')[4];
    let child: string | undefined;
    while (child === undefined) child = (await childrenOf()).find(pid => !before.includes(pid));
    await setTimeout(100);
    expect(await groupOf(child)).toBe(child);
    expect(await groupOf(process.pid)).not.toBe(child);
    await reading;
  });

  it('cannot have the bot open its inspector, whose door is a signal', async () => {
    await readFiles({ 'migrations/1_a.js': 'export const up = () => {};' });
    process.kill(process.pid, 'SIGUSR1');
    await once(process, 'SIGUSR1');
    // The debugger would be open before anything of ours runs again.
    expect(inspector.url()).toBeUndefined();
  });

  it('cannot fill our memory with what it tells, nor buy time by telling', async () => {
    const { problems } = await readFiles({
      'migrations/1_flood.cjs': `const text = 'x'.repeat(1e6);
        exports.up = () => { for (;;) require('fs').writeSync(3, text); };`,
      'migrations/2_alive.cjs': `exports.up = () => new Promise(() => {
        setInterval(() => require('fs').writeSync(3, '{"path":"migrations/2_alive.cjs","reading":true}\\n'), 100); });`,
    });
    expect(problems).toEqual([
      '`migrations/1_flood.cjs` could not be read. It was ended because it told too much.',
      '`migrations/2_alive.cjs` could not be read. It was ended because it did not end within 10 s.',
    ]);
  });

  it('that never ends or takes all memory is ended and named; those beside it are read', async () => {
    const { files, problems } = await readFiles({
      'migrations/1_loop.js': 'export const up = () => { for (;;); };',
      'migrations/2_buffers.js':
        'export const up = () => { for (const all = []; ; ) all.push(Buffer.alloc(1e7, 1)); };',
      'migrations/3_fine.js': `export const up = pgm => pgm.sql('SELECT 3');`,
      'migrations/4_fine.sql': 'SELECT 4',
    });
    expect(problems).toEqual([
      '`migrations/1_loop.js` could not be read. It was ended because it did not end within 10 s.',
      '`migrations/2_buffers.js` could not be read. It was ended because it took too much memory.',
    ]);
    expect(files.map(({ name }) => name)).toEqual(['3_fine', '4_fine']);
    const heap = await readFiles({
      'migrations/1_heap.js': 'export const up = () => { for (const all = []; ; ) all.push({ more: [all.length] }); };',
    });
    expect(heap.problems).toEqual([
      '`migrations/1_heap.js` could not be read. It was ended because it took too much memory.',
    ]);
  });
});
