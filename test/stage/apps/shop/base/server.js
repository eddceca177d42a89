import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { QUERY, RAISE, show } from './catalogue.js';

const {
  PORT,
  DATABASE_URL,
  DYNO,
  HEROKU_RELEASE_VERSION,
  HEROKU_SLUG_COMMIT,
  BOOT_MS = '1500',
  TELL_RELEASE,
} = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 5, connectionTimeoutMillis: 5000 });
pool.on('error', error => console.error(`database: ${error.message}`));

let closing = false;

const server = createServer(async (request, response) => {
  // A connection that is kept for later would keep a dyno that closes waiting.
  response.on('finish', () => closing && setImmediate(() => server.closeIdleConnections()));
  // As the npm package heroku-dyno-metadata sends them.
  if (TELL_RELEASE !== 'no') response.setHeader('X-Heroku-Release-Version', HEROKU_RELEASE_VERSION ?? '');
  response.setHeader('X-Heroku-Dyno-Name', DYNO ?? '');
  try {
    if (new URL(request.url, 'http://shop').pathname === '/version') {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ release: HEROKU_RELEASE_VERSION, commit: HEROKU_SLUG_COMMIT }));
      return;
    }
    if (request.method === 'POST') {
      await pool.query(RAISE);
      response.end('Raised.\n');
      return;
    }
    const { rows } = await pool.query(QUERY);
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.end(`${rows.map(show).join('\n')}\n`);
  } catch (error) {
    console.error(error.message || error);
    response.writeHead(500).end('The shop is out of order.\n');
  }
});

// Frameworks take their time: this one reads its catalogue first, and pretends the rest.
await Promise.all([pool.query(QUERY), sleep(Number(BOOT_MS))]);
server.listen(Number(PORT), () => console.log(`Listening on ${PORT}`));

process.on('SIGTERM', () => {
  console.log('Closing');
  closing = true;
  // Nobody new; those who are being served are served to the end.
  server.close(() => void pool.end());
  server.closeIdleConnections();
});
