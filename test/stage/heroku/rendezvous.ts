import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer, type TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';

/** Where one attached dyno and its client meet. */
export type Meeting = {
  url: string;
  /** The client that showed the secret, greeted; null when the meeting was called off before one came. */
  client: Promise<Duplex | null>;
  callOff(): void;
};

export type Rendezvous = {
  /** Certificate to trust, PEM. */
  ca: string;
  meet(): Meeting;
  /** Breaks every connection that there is now. */
  cut(): void;
  close(): Promise<void>;
};

/** A connection over which nothing goes either way is closed (one-off dynos article), ms. */
const IDLE_MS = 60 * 60_000;
const LONGEST_SECRET = 1_000;

/**
 * Heroku's rendezvous on loopback, over TLS with a certificate of its own: the client sends `secret\r\n`, hears
 * `rendezvous\r\n`, and then is the dyno's terminal. Who has no secret, or one that was used, is hung up on [assumed].
 */
export async function startRendezvous({ scale }: { scale: number }): Promise<Rendezvous> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'Local Heroku' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  const waiting = new Map<string, (client: Duplex | null) => void>();
  const connections = new Set<Socket>();
  const cut = () => connections.forEach(connection => void connection.destroy());

  const server = createServer({ cert, key }, client => {
    client.on('error', () => {});
    client.setTimeout(IDLE_MS / scale, () => client.destroy());
    readSecret(client, secret => {
      const meet = waiting.get(secret);
      waiting.delete(secret);
      if (meet) client.write('rendezvous\r\n', () => meet(client));
      else client.destroy();
    });
  });
  server.on('connection', (connection: Socket) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    ca: cert,
    meet() {
      const secret = randomBytes(16).toString('hex');
      const { promise: client, resolve } = Promise.withResolvers<Duplex | null>();
      waiting.set(secret, resolve);
      const callOff = () => {
        waiting.delete(secret);
        resolve(null);
      };
      return { url: `rendezvous://127.0.0.1:${port}/${secret}`, client, callOff };
    },
    cut,
    async close() {
      cut();
      await new Promise(closed => server.close(closed));
    },
  };
}

/** The first line; what follows it stays to be read. */
function readSecret(client: TLSSocket, onSecret: (secret: string) => void): void {
  let read = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    read = Buffer.concat([read, chunk]);
    const end = read.indexOf('\r\n');
    if (end < 0 && read.length > LONGEST_SECRET) client.destroy();
    if (end < 0) return;
    client.off('data', onData).pause();
    client.unshift(read.subarray(end + 2));
    onSecret(read.toString('latin1', 0, end));
  };
  client.on('data', onData);
}
