import { createServer, type Server } from 'node:http';

// See shared.ts: all web dynos of a stage in one process. It ends with the stage.

export type Told = { dyno: number; port: number; release: string } | { dyno: number; close: true };
export type Said = { closed: number };

const servers = new Map<number, Server>();

process.on('message', (told: Told) => {
  if ('close' in told) {
    const server = servers.get(told.dyno);
    servers.delete(told.dyno);
    server?.close(() => process.send?.({ closed: told.dyno } satisfies Said));
    server?.closeIdleConnections();
    return;
  }
  const server = createServer((_, response) => {
    response.setHeader('X-Heroku-Release-Version', told.release);
    response.end('ok\n');
  });
  // A port that somebody took meanwhile: nothing listens there, as with a dyno that does not boot.
  server.on('error', error => console.error(error));
  servers.set(told.dyno, server.listen(told.port, '127.0.0.1'));
});
process.on('disconnect', () => process.exit());
