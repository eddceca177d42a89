import { describe, expect, it } from 'vitest';
import { createLog } from '../src/adapters/log.ts';
import { redacting } from '../src/domain/redaction.ts';

describe('the log', () => {
  it('holds no secret of the bot, wherever an error carries it, and stays JSON', () => {
    const lines: string[] = [];
    const redact = redacting([{ name: null, value: 'hunter"2"' }]);
    const log = createLog('debug', redact, { write: line => void lines.push(line) });
    const cause = Object.assign(new Error('postgres://me:pa55@host is away'), { 'hunter"2"': ['hunter"2"', 7] });
    const err = new Error('it was hunter"2"', { cause });
    log.error({ err, deploy: 'd1' }, 'tried hunter%222%22, and xoxb-12345678');
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/hunter|pa55|xoxb/);
    expect(lines[0]).toMatch(/\n$/);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      ...{ level: 50, name: 'switchover', deploy: 'd1', msg: 'tried •••, and •••' },
      err: { message: 'it was •••: postgres://me:•••@host is away' },
    });
  });
});
