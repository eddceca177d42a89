import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, frames, typedFrames, UNDER_FULL_DISK, withFullDisk } from './postgres-wire.ts';

/** Stands between the bot and its database, and does to their connections what networks and servers do. */
export type PostgresProxy = {
  /** The database's address through here. */
  url: string;
  /** The server came back elsewhere. */
  leadsTo(url: string): void;
  /** Breaks every connection. */
  cut(): void;
  /** New connections are refused, as when there are too many (53300). */
  refuses: boolean;
  /** What writes is answered with a full disk (53100). */
  isFull: boolean;
  /** How much later each message of the bot's arrives. */
  lateMs: number;
  /** Nothing of the bot's arrives until it is let go on. */
  holds(): () => void;
  /** What arrives in place of a message of the bot's. */
  hears: (message: Buffer) => Buffer;
  /** The server is gone without a word from a message with these bytes on; resolves when one was sent. */
  silentFrom(bytes: string): Promise<void>;
  stop(): Promise<void>;
};

export async function startPostgresProxy(target: string): Promise<PostgresProxy> {
  let to = new URL(target);
  const open = new Set<Socket>();
  const hears: PostgresProxy['hears'] = message => message;
  const trouble = { refuses: false, isFull: false, lateMs: 0, hears };
  let isGone = false;
  let isLast = (_message: Buffer): boolean => false;
  const held = new Set<Promise<void>>();

  const carry = (client: Socket): void => {
    open.add(client);
    const server = connect({ host: to.hostname, port: Number(to.port), noDelay: true });
    const end = () => {
      client.destroy();
      server.destroy();
      open.delete(client);
    };
    for (const socket of [client, server]) {
      socket
        .on('error', end)
        .on('close', end)
        .on('end', () => isGone || end());
    }
    const asked = frames();
    const answered = typedFrames();
    let before: Promise<unknown> = Promise.resolve();
    client.on('data', chunk => {
      for (const frame of asked(chunk)) {
        if (frame.starts && trouble.refuses) {
          client.end(errorMessage('53300', 'sorry, too many clients already'));
          server.destroy();
          return;
        }
        isGone ||= isLast(frame.bytes);
        if (isGone) return;
        const bytes = trouble.isFull ? withFullDisk(frame.bytes, frame.starts) : trouble.hears(frame.bytes);
        before = before
          .then(() => later(trouble.lateMs))
          .then(() => Promise.all(held))
          .then(() => server.writable && server.write(bytes));
      }
    });
    server.on('data', chunk => {
      for (const bytes of answered(chunk)) {
        client.write(
          bytes[0] === ERROR && bytes.includes(UNDER_FULL_DISK)
            ? errorMessage('53100', 'could not extend file "base/16384/2619": No space left on device')
            : bytes,
        );
      }
    });
  };
  const proxy = createServer({ noDelay: true, allowHalfOpen: true }, carry);
  await new Promise<void>(listening => proxy.listen(0, '127.0.0.1', listening));
  const address = proxy.address();
  const url = new URL(target);
  url.port = String(typeof address === 'object' && address ? address.port : 0);
  const cut = () => {
    for (const client of open) client.destroy();
  };
  return Object.assign(trouble, {
    url: url.href,
    leadsTo: (next: string) => {
      to = new URL(next);
    },
    cut,
    holds: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held.add(promise);
      return () => {
        held.delete(promise);
        resolve();
      };
    },
    silentFrom: (bytes: string) =>
      new Promise<void>(sent => {
        isLast = message => {
          if (!message.includes(bytes)) return false;
          sent();
          return true;
        };
      }),
    stop: async () => {
      cut();
      await new Promise(closed => proxy.close(closed));
    },
  });
}

const ERROR = 'E'.charCodeAt(0);

const later = (ms: number) => (ms > 0 ? sleep(ms) : undefined);
