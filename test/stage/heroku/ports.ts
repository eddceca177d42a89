import { connect, createServer } from 'node:net';

// Below the ephemeral ranges of Linux (32768) and macOS (49152): no outgoing connection can take such a port while the
// dyno boots, and a connect to one that is still closed can never meet itself.
const FIRST = 12_000;
const COUNT = 20_000;

/** Gives each web dyno a loopback port that nothing listens on; no port twice before all others had their turn. */
export function createPorts(): { take(): Promise<number> } {
  let next = Math.floor(Math.random() * COUNT);
  return {
    async take() {
      for (let tries = 0; tries < COUNT; tries++) {
        const port = FIRST + next;
        next = (next + 1) % COUNT;
        if (await isFree(port)) return port;
      }
      throw new Error('No free loopback port is left for a dyno');
    },
  };
}

/** Whether something on 127.0.0.1 takes connections on this port. */
export function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
