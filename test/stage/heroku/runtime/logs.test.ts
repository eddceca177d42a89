import { expect, test } from 'vitest';
import type { LogFilter } from '../contract.ts';
import { createLogs } from '../logs.ts';

const all = { lines: 1500, tail: false };

async function read(logs: ReturnType<typeof createLogs>, filter: Partial<LogFilter>): Promise<string[]> {
  const texts: string[] = [];
  for await (const line of logs.read({ ...all, ...filter }, new AbortController().signal)) texts.push(line.text);
  return texts;
}

test('the last 1,500 lines are kept, and the last few can be asked for', async () => {
  const logs = createLogs();
  for (let n = 1; n <= 1600; n++) logs.emit({ source: 'app', process: 'web.1', text: `line ${n}` });
  expect(await read(logs, {})).toHaveLength(1500);
  expect(await read(logs, { lines: 2 })).toEqual(['line 1599', 'line 1600']);
  expect(await read(logs, { lines: 0 })).toEqual([]);
});

test('a reader may ask for one source, one dyno or one process type', async () => {
  const logs = createLogs();
  logs.emit({ source: 'app', process: 'web.1', text: 'hello' });
  logs.emit({ source: 'heroku', process: 'web.2', text: 'Restarting' });
  logs.emit({ source: 'heroku', process: 'router', text: 'at=info' });
  logs.emit({ source: 'app', process: 'api', text: 'Release v1 created' });
  expect(await read(logs, { source: 'app' })).toEqual(['hello', 'Release v1 created']);
  expect(await read(logs, { dyno: 'web.2' })).toEqual(['Restarting']);
  expect(await read(logs, { type: 'web' })).toEqual(['hello', 'Restarting']);
  expect(await read(logs, { source: 'heroku', dyno: 'router' })).toEqual(['at=info']);
});

test('a line over 10,000 characters is split', async () => {
  const logs = createLogs();
  logs.emit({ source: 'app', process: 'web.1', text: 'x'.repeat(10_001) });
  expect((await read(logs, {})).map(text => text.length)).toEqual([10_000, 1]);
});

test('a tail goes on from the kept lines without a gap until it is ended', async () => {
  const logs = createLogs();
  const emit = (text: string) => logs.emit({ source: 'app', process: 'web.1', text });
  const end = new AbortController();
  emit('before');
  const tail = logs.read({ lines: 10, tail: true }, end.signal);
  emit('between');
  const seen: string[] = [];
  for await (const { text } of tail) {
    seen.push(text);
    if (text === 'between') setImmediate(() => emit('after'));
    if (text === 'after') end.abort();
  }
  emit('too late');
  expect(seen).toEqual(['before', 'between', 'after']);
});

test('a buffer that overflows drops lines for those who tail, and says so', async () => {
  const logs = createLogs();
  const end = new AbortController();
  const tail = logs.read({ lines: 0, tail: true }, end.signal);
  logs.drops(2);
  for (const n of [1, 2, 3]) {
    logs.emit({ source: 'heroku', process: 'web.1', text: `line ${n}`, at: new Date('2026-11-23T12:00:00Z') });
  }
  const seen: string[] = [];
  for await (const { process, text } of tail) {
    seen.push(`${process}: ${text}`);
    if (text === 'line 3') end.abort();
  }
  expect(seen).toEqual([
    'logplex: Error L10 (output buffer overflow): 2 messages dropped since 2026-11-23T12:00:00+00:00.',
    'web.1: line 3',
  ]);
  expect(await read(logs, { lines: 1500 })).toEqual(['line 1', 'line 2', 'line 3']);
});

test('muddled lines reach those who tail late, after the one behind them, and twice', async () => {
  const logs = createLogs();
  const end = new AbortController();
  const tail = logs.read({ lines: 0, tail: true }, end.signal);
  logs.muddles(2);
  for (const n of [1, 2, 3, 4, 5]) logs.emit({ source: 'app', process: 'web.1', text: `line ${n}` });
  const seen: string[] = [];
  for await (const { text } of tail) {
    seen.push(text);
    if (text === 'line 5') end.abort();
  }
  expect(seen).toEqual(['line 2', 'line 1', 'line 1', 'line 4', 'line 3', 'line 3', 'line 5']);
  expect(await read(logs, { lines: 1500 })).toEqual(['line 1', 'line 2', 'line 3', 'line 4', 'line 5']);
});
