import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

// Draws the SVG of its stdin as PNG on its stdout, and ends: what wasm took of the memory goes with it.

const [width, ...fonts] = process.argv.slice(2);
const [svg, wasm, ...fontBuffers] = await Promise.all([
  buffer(process.stdin),
  readFile(new URL(import.meta.resolve('@resvg/resvg-wasm/index_bg.wasm'))),
  ...fonts.map(url => readFile(new URL(url))),
]);
await initWasm(wasm);
const font = { loadSystemFonts: false, fontBuffers, defaultFontFamily: 'Lato' };
const drawn = new Resvg(svg, { font, fitTo: { mode: 'width', value: Number(width) } }).render();
process.stdout.write(drawn.asPng());
