import { piecesOf } from './pieces.ts';

// A command as a one-off dyno is to run it, and what comes back of it.

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** How the command line of a run begins: by this it is found again among the dynos and in the log. */
export const labelOf = (marker: string): string => `: ${quoted(`switchover ${marker}`)};`;

/** Node forgets on its way up that SIGHUP is ignored (PlatformInit in its src/node.cc); this makes it ignore it anew. */
const DEAF_NODE = '--import=data:text/javascript,process.on(%22SIGHUP%22,()=>{})';

/**
 * The command line, for any POSIX shell, that runs the command and then prints NUL, `secret`, space, its exit code.
 * The command must not end half-way because our connection does, so Heroku's SIGHUP is ignored, and its output goes
 * through a `cat` which, when nobody takes it any more, is followed by one that throws it away. The shell's own status is
 * the command's, so that the log tells it too.
 */
export function wrapCommand(ask: { marker: string; command: string; secret: string }): string {
  const run = `sh -c ${quoted(ask.command)} 3>&- 4>&-`;
  const relay = "{ trap '' PIPE; cat; cat >/dev/null; } >&3 2>/dev/null 4>&-";
  return [
    labelOf(ask.marker),
    "trap '' HUP; exec 3>&1;",
    // An older Node refuses to start with an option that it does not know.
    `node '${DEAF_NODE}' -e 0 >/dev/null 2>&1 && export NODE_OPTIONS="\${NODE_OPTIONS:-} ${DEAF_NODE}";`,
    `code=$({ { ${run}; echo $? >&4; } </dev/null 2>&1 | ${relay}; } 4>&1);`,
    `trap '' PIPE; printf '\\000%s %s\\n' ${ask.secret} "$code" 2>/dev/null; exit "$code"`,
  ].join(' ');
}

/** Longest line that is handed on in one piece, in characters. */
const LONGEST_LINE = 2_000;
/** So much output is handed on, in characters; a run is followed to its end all the same. */
const MOST_OUTPUT = 200_000;

const legible = (line: string): string => line.replace(/\0|\r$/g, '');

export type OutputReader = {
  /** The command's exit code, once it was told. */
  readonly code: number | null;
  push(text: string): void;
  /** Hands on what had no line end. */
  end(): void;
};

/** Splits a run's output into lines and finds the exit code in it: nothing but the very secret after a NUL tells it. */
export function readOutput(secret: string, onLine: (line: string) => void): OutputReader {
  const told = new RegExp(`^(.*)\\x00${secret} (\\d{1,3})\\r?$`, 's');
  const longestEnd = secret.length + 7;
  let code: number | null = null;
  let rest = '';
  let given = 0;

  const give = (line: string) => {
    if (given > MOST_OUTPUT) return;
    given += line.length + 1;
    if (given > MOST_OUTPUT) onLine('… the output goes on; it is not shown any further');
    else for (const piece of piecesOf(line, LONGEST_LINE)) onLine(legible(piece));
  };
  return {
    get code() {
      return code;
    },
    push(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [, before, status] = told.exec(line) ?? [];
        if (status === undefined) give(line);
        else {
          code = Number(status);
          if (before) give(before);
        }
      }
      // The end of it may be the beginning of what tells the code.
      while (rest.length > LONGEST_LINE + longestEnd) {
        const [piece = ''] = piecesOf(rest, LONGEST_LINE);
        give(piece);
        rest = rest.slice(piece.length);
      }
    },
    end() {
      if (rest) give(rest);
      rest = '';
    },
  };
}
