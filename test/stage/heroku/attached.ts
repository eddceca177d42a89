import type { Duplex } from 'node:stream';
import type { Group } from './group.ts';

/** A dyno whose client does not come gives up: R13 half a minute after "Awaiting client" (error-codes; a log of 2017), ms. */
export const ATTACH_WITHIN_MS = 30_000;

const HANG_UP_EVERY_MS = 5_000;
const HANG_UPS = 3;
const END_OF_INPUT = 0x04;

/**
 * Makes a client the input of a dyno's processes, and tells them when it has hung up: SIGHUP three times, 5 s apart;
 * one that goes on all the same is only written to the log, as R16 (error-codes article).
 * [assumed: there is no terminal between them, and what they write from then on is dropped]
 */
export function attach(
  client: Duplex,
  group: Group,
  { say, after }: { say: (text: string) => void; after: (ms: number, act: () => void) => () => void },
): void {
  let cancel = () => {};
  const hangUp = (left: number): void => {
    if (left === 0) {
      say(
        'Error R16 (Detached) -> An attached process is not responding to SIGHUP after its external connection was closed.',
      );
      return;
    }
    say('Client connection closed. Sending SIGHUP to all processes');
    group.signal('SIGHUP');
    cancel = after(HANG_UP_EVERY_MS, () => hangUp(left - 1));
  };
  const onClose = () => {
    group.stdin.end();
    hangUp(HANG_UPS);
  };
  client.on('data', (chunk: Buffer) => {
    const end = chunk.indexOf(END_OF_INPUT);
    group.stdin.write(end < 0 ? chunk : chunk.subarray(0, end));
    if (end >= 0) group.stdin.end();
  });
  client.resume();
  client.once('close', onClose);
  if (client.destroyed) onClose();
  void group.exited.then(() => {
    client.off('close', onClose);
    cancel();
    client.end();
  });
}
