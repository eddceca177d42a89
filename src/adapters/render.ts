import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Nothing of ours takes a tenth of it. */
const WITHIN_MS = 30_000;
const MOST_BYTES = 10_000_000;
const PROGRAM = fileURLToPath(new URL('./render-program.ts', import.meta.url));

/** TrueType: with woff2, which is what most packages ship, resvg leaves all words out and says nothing. */
const FONTS: readonly string[] = ['400Regular/Lato_400Regular', '700Bold/Lato_700Bold'].map(name =>
  import.meta.resolve(`@expo-google-fonts/lato/${name}.ttf`),
);

let turn: Promise<unknown> = Promise.resolve();

/**
 * An SVG as PNG, so many pixels wide. One at a time, each in a process of its own: nobody's click waits for it, and the
 * 100 MB that it takes are given back. In wasm, since resvg's native packages are optional ones, which Heroku leaves out.
 */
export function renderPng(svg: string, width: number, fonts = FONTS): Promise<Buffer> {
  const drawn = turn.then(() => drawApart(svg, [String(width), ...fonts]));
  turn = drawn.catch(() => {});
  return drawn;
}

function drawApart(svg: string, words: readonly string[]): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const limits = { timeout: WITHIN_MS, killSignal: 'SIGKILL', maxBuffer: MOST_BYTES } as const;
  // Nothing of ours is in its environment: it needs none of it.
  const ask = { ...limits, encoding: 'buffer', env: {} } as const;
  const child = execFile(process.execPath, [PROGRAM, ...words], ask, (error, png, said) => {
    if (error) reject(new Error(`The picture could not be drawn: ${said.toString().slice(-500)}`, { cause: error }));
    else resolve(png);
  });
  // One that has died takes no input; how it ended is told above.
  child.stdin?.once('error', () => {}).end(svg);
  return promise;
}
