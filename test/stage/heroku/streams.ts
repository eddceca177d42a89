import type { IncomingMessage, ServerResponse } from 'node:http';

/** Output of a build or a release phase: kept from its start, replayed to whoever comes late (build output article, 2014). */
export class Output {
  readonly #chunks: Buffer[] = [];
  readonly #readers = new Set<ServerResponse>();
  #state: 'waiting' | 'running' | 'ended' = 'waiting';

  start(): void {
    if (this.#state === 'waiting') this.#state = 'running';
  }

  write(chunk: Buffer | string): void {
    this.start();
    const bytes = Buffer.from(chunk);
    this.#chunks.push(bytes);
    for (const reader of this.#readers) reader.write(bytes);
  }

  end(): void {
    this.#state = 'ended';
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  /** 404 before the command has started; NUL bytes as heartbeats; `Range: bytes=N-` resumes. */
  serve(request: IncomingMessage, response: ServerResponse): void {
    if (this.#state === 'waiting') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end();
      return;
    }
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, { 'content-type': 'text/plain; charset=utf-8' });
    response.flushHeaders();
    const known = Buffer.concat(this.#chunks).subarray(from);
    if (known.length > 0) response.write(known);
    if (this.#state === 'ended') {
      response.end();
      return;
    }
    this.#readers.add(response);
    const heartbeat = setInterval(() => response.write('\0'), 1_000);
    response.on('close', () => {
      clearInterval(heartbeat);
      this.#readers.delete(response);
    });
  }
}
