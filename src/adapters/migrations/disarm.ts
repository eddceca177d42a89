import { ChildProcess } from 'node:child_process';
import { writeSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import v8 from 'node:v8';

// Comes before any code that is not ours: what Node's --permission leaves open to it, and the way back to the bot.

// Signals reach every process of the same user: the bot could be ended, or its inspector opened.
take(process, ['kill', '_kill', '_debugProcess', '_debugEnd', '_startProfilerIdleNotifier']);
// One of a child that was never started sends its signal to any number that happened to be in memory: 0 is our whole group.
const { _handle: handle } = new ChildProcess() as unknown as { _handle: object };
take(Object.getPrototypeOf(handle), ['kill']);
take(os, ['setPriority']);
// V8 writes its traces and logs to any file that it is told, whatever --permission says.
take(v8, ['setFlagsFromString']);
syncBuiltinESMExports();

function take(from: object, names: readonly string[]): void {
  for (const name of names) Object.defineProperty(from, name, { value: undefined, configurable: false });
}

const descriptor = 3;

/** One line of JSON to the bot. At once: what follows may never end. */
export function tell(message: object): void {
  writeSync(descriptor, `${JSON.stringify(message)}\n`);
}

/** Nobody is left to hear us once the bot is gone: then we end too, and with us the connection and its lock. */
export function endWithTheBot(): void {
  process.stdin.once('end', () => process.exit(1)).once('close', () => process.exit(1));
}
