import { Worker } from 'node:worker_threads';

/** Nothing of ours takes a tenth of it. */
const WITHIN_MS = 20_000;

/** TrueType: with woff2, which is what most packages ship, resvg leaves all words out and says nothing. */
export const FONTS: readonly string[] = ['400Regular/Lato_400Regular', '700Bold/Lato_700Bold'].map(name =>
  import.meta.resolve(`@expo-google-fonts/lato/${name}.ttf`),
);

let turn: Promise<unknown> = Promise.resolve();

/**
 * An SVG as PNG, so many pixels wide. One at a time, each in a thread of its own: drawing takes a tenth of a second, in
 * which nobody's click should wait. In wasm, since resvg's native packages are optional ones, which Heroku leaves out.
 */
export function renderPng(svg: string, width: number, fonts = FONTS): Promise<Buffer> {
  const drawn = turn.then(() => inThread({ svg, width, fonts }));
  turn = drawn.catch(() => {});
  return drawn;
}

function inThread(workerData: { svg: string; width: number; fonts: readonly string[] }): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const worker = new Worker(new URL('./render-worker.ts', import.meta.url), { workerData });
  const timer = setTimeout(() => reject(new Error(`The picture was not drawn within ${WITHIN_MS} ms`)), WITHIN_MS);
  worker.once('message', (png: Uint8Array) => resolve(Buffer.from(png)));
  worker.once('error', reject);
  worker.once('exit', code => reject(new Error(`The picture's thread ended with ${code} and no picture`)));
  return promise.finally(() => {
    clearTimeout(timer);
    void worker.terminate();
  });
}
