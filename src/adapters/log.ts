import pino from 'pino';
import type { Redact } from '../domain/redaction.ts';

/** The bot's log: JSON lines on stdout. Whatever an error carries in its words, its cause or its fields, no secret is printed. */
export function createLog(level: string, redact: Redact, out: { write(line: string): void } = pino.destination(1)) {
  const hidden = (value: unknown): unknown => {
    if (typeof value === 'string') return redact(value);
    if (Array.isArray(value)) return value.map(hidden);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [redact(key), hidden(inner)]));
  };
  const write = (line: string): void => void out.write(`${JSON.stringify(hidden(JSON.parse(line)))}\n`);
  return pino({ level, name: 'switchover' }, { write });
}
