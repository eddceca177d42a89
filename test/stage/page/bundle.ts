import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export type File = { type: string; body: Uint8Array | string };

const TYPES: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  woff2: 'font/woff2',
};

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Switchover · local Slack</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/main.css">
<div id="page"></div>
<script type="module" src="/main.js"></script>
</html>
`;

/** The page's files by their path, made from `browser/` in memory. */
export async function bundlePage(): Promise<Map<string, File>> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('browser/main.tsx', import.meta.url))],
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    minify: true,
    // Lato's older format is for browsers that this page is not for.
    loader: { '.woff2': 'file', '.woff': 'empty' },
    assetNames: '[name]',
    publicPath: '/',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  });
  const files = outputFiles.map(({ path, contents }): [string, File] => {
    const name = basename(path);
    return [`/${name}`, { type: TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream', body: contents }];
  });
  return new Map<string, File>([['/', { type: 'text/html; charset=utf-8', body: PAGE }], ...files]);
}
