import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

// Draws one SVG and ends: what wasm took of the memory goes with it.

const { svg, width, fonts } = workerData as { svg: string; width: number; fonts: string[] };
const [wasm, ...fontBuffers] = await Promise.all(
  [import.meta.resolve('@resvg/resvg-wasm/index_bg.wasm'), ...fonts].map(async url => readFile(new URL(url))),
);
await initWasm(wasm ?? Buffer.alloc(0));
const font = { loadSystemFonts: false, fontBuffers, defaultFontFamily: 'Lato' };
const drawn = new Resvg(svg, { font, fitTo: { mode: 'width', value: width } }).render();
parentPort?.postMessage(drawn.asPng());
