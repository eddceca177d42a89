// As much of Postgres's protocol (postgresql.org, "Message Formats") as a proxy needs that gives answers of its own.

/** What a statement becomes under a full disk: no SQL, so the server refuses it, and keeps its own state of the transaction. */
export const UNDER_FULL_DISK = 'the_disk_is_full';

const WRITES = /^\s*(with\b[^;]*\b)?(insert|update|delete|create|alter|merge|copy)\b/i;
const QUERY = 'Q'.charCodeAt(0);
const PARSE = 'P'.charCodeAt(0);

/** Splits what a client sends into messages. The first of a connection have no type. */
export function frames(): (chunk: Buffer) => { bytes: Buffer; starts: boolean }[] {
  let rest = Buffer.alloc(0);
  let starts = true;
  return chunk => {
    rest = Buffer.concat([rest, chunk]);
    const found: { bytes: Buffer; starts: boolean }[] = [];
    for (;;) {
      const header = starts ? 0 : 1;
      if (rest.length < header + 4) return found;
      const length = header + rest.readUInt32BE(header);
      if (rest.length < length) return found;
      found.push({ bytes: rest.subarray(0, length), starts });
      rest = rest.subarray(length);
      starts = false;
    }
  };
}

/** Splits what a server sends into messages. */
export function typedFrames(): (chunk: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0);
  return chunk => {
    rest = Buffer.concat([rest, chunk]);
    const found: Buffer[] = [];
    while (rest.length >= 5 && rest.length >= 1 + rest.readUInt32BE(1)) {
      const length = 1 + rest.readUInt32BE(1);
      found.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    return found;
  };
}

/** A client's message as it goes on under a full disk: what would write cannot be read any more. */
export function withFullDisk(bytes: Buffer, starts: boolean): Buffer {
  if (starts || (bytes[0] !== QUERY && bytes[0] !== PARSE)) return bytes;
  const from = bytes[0] === PARSE ? bytes.indexOf(0, 5) + 1 : 5;
  const to = bytes.indexOf(0, from);
  if (!WRITES.test(bytes.toString('utf8', from, to))) return bytes;
  const body = Buffer.concat([bytes.subarray(5, from), Buffer.from(UNDER_FULL_DISK), bytes.subarray(to)]);
  return message(bytes[0], body);
}

/** The server's word for a failure that ends what was asked; with 53300 also the connection. */
export function errorMessage(code: string, text: string): Buffer {
  const severity = code === '53300' ? 'FATAL' : 'ERROR';
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${text}`];
  return message('E'.charCodeAt(0), Buffer.from(`${fields.join('\0')}\0\0`));
}

function message(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = type;
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}
