import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Caller, headersForClient, headersForDyno } from './headers.ts';
import type { RouterError } from './router-errors.ts';

/** Opens a connection to a dyno, or says why there is none. */
export function reach(port: number, timeoutMs: number): Promise<Socket | 'H19' | 'H21'> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const fail = (code: 'H19' | 'H21') => {
      clearTimeout(timer);
      socket.destroy();
      resolve(code);
    };
    const timer = setTimeout(fail, timeoutMs, 'H19');
    const refused = () => fail('H21');
    socket.once('error', refused);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', refused);
      resolve(socket);
    });
  });
}

/** How a forwarded request ended. Before the answer's first byte an error page can still be sent. */
export type Forwarded = { code: RouterError | null; status: number; bytes: number };

/**
 * Sends the request over this connection and streams the answer back. The dyno has `firstByteMs` for the first byte
 * (H12). Settles once, when the answer is out or somebody broke off.
 */
export function forward(ask: {
  request: IncomingMessage;
  response: ServerResponse;
  socket: Socket;
  caller: Caller;
  firstByteMs: number;
}): Promise<Forwarded> {
  const { request, response, socket, caller } = ask;
  return new Promise(resolve => {
    let status = 503;
    let bytes = 0;
    const settle = (code: RouterError | null) => {
      clearTimeout(timer);
      request.unpipe(outgoing);
      response.off('close', clientLeft);
      // What comes after the end no longer matters: the request has its line in the log.
      socket.destroy();
      resolve({ code, status, bytes });
    };
    const clientLeft = () => settle('H27');
    const timer = setTimeout(() => settle('H12'), ask.firstByteMs);
    const outgoing = httpRequest({
      createConnection: () => socket,
      method: request.method,
      path: request.url,
      headers: headersForDyno(request, caller),
    });
    outgoing.on('error', error => settle('code' in error && String(error.code).startsWith('HPE_') ? 'H17' : 'H13'));
    outgoing.once('response', answer => {
      clearTimeout(timer);
      outgoing.removeAllListeners('error').on('error', () => {});
      status = answer.statusCode ?? 502;
      try {
        response.writeHead(status, answer.statusMessage, headersForClient(answer, caller));
      } catch {
        // Node reads more than it writes, such as a status of 42.
        settle('H17');
        return;
      }
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      answer.once('error', () => {
        settle('H18');
        response.destroy();
      });
      response.once('finish', () => settle(null));
      answer.pipe(response);
    });
    response.once('close', clientLeft);
    request.pipe(outgoing);
  });
}
