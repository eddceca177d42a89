import { isIP } from 'node:net';
import { connect } from 'node:tls';

const CONNECT_MS = 10_000;
/** From then until the dyno is there: it has to be placed and to fetch its slug [assumed: minutes at most]. */
const GREETING_MS = 5 * 60_000;
/** A connection that died without a word is noticed by this, ms. */
const KEEP_ALIVE_MS = 30_000;

/** How an attachment ended. `met`: the dyno may have started. `why`: what broke the connection, null when Heroku closed it. */
export type Parting = { met: boolean; why: string | null };

/**
 * Attaches to a dyno at its `rendezvous://host:port/secret`, over verified TLS: sends `secret\r\n`, hears `rendezvous\r\n`,
 * then the dyno's output (the CLI's lib/run/dyno.ts). Hangs up when `onText` says true. Heroku itself does so after an
 * hour in which nothing was said. Rejects when the signal aborts.
 */
export function attach(url: string, onText: (text: string) => boolean, signal: AbortSignal): Promise<Parting> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const { hostname: host, port, pathname, search } = new URL(url);
    const socket = connect({ host, port: Number(port), ...(isIP(host) ? {} : { servername: host }) });
    const decoder = new TextDecoder();
    let met = false;
    let greeting: string | null = '';
    let why: string | null = null;

    const leave = () => void socket.destroy();
    const limit = (ms: number) => setTimeout(() => socket.destroy(new Error(`no answer within ${ms / 1000} s`)), ms);
    let late = limit(CONNECT_MS);
    signal.addEventListener('abort', leave);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.once('secureConnect', () => {
      met = true;
      clearTimeout(late);
      late = limit(GREETING_MS);
      socket.write(`${pathname.slice(1)}${search}\r\n`);
    });
    socket.on('data', chunk => {
      let text = decoder.decode(chunk, { stream: true });
      if (greeting !== null) {
        greeting += text;
        const end = greeting.indexOf('\r\n');
        if (end < 0) return;
        clearTimeout(late);
        text = greeting.slice(end + 2);
        greeting = null;
      }
      if (onText(text)) leave();
    });
    socket.once('error', error => {
      why = error.message;
    });
    socket.once('close', () => {
      clearTimeout(late);
      signal.removeEventListener('abort', leave);
      if (signal.aborted) reject(signal.reason);
      else resolve({ met, why });
    });
  });
}
