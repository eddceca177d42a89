import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs, styleText } from 'node:util';
import { startDemoPage } from './page/demo.ts';
import { play } from './play.ts';

// `npm run demo`: the real bot between a local Heroku and a local Slack, to be used in a browser; with `--headless` it plays
// a deploy by itself in the terminal.

const SCALE = 6;

const { values } = parseArgs({
  options: {
    headless: { type: 'boolean', default: false },
    record: { type: 'string' },
  },
});
if (values.headless) process.exit(await play(values.record));

console.log(styleText('dim', 'Starting Postgres, the local Heroku, GitHub and Slack, and the bot …'));
const demo = await startDemoPage({ scale: SCALE });
console.log(`\nOpen ${styleText('bold', demo.url)} and type ${styleText('bold', '/deploy shop')}`);
console.log(
  `You are ann, who deploys; bob approves: switch at the bottom left, or in a window of his own: ${demo.url}?as=bob`,
);
console.log(styleText('dim', `A minute of Heroku's windows lasts ${60 / SCALE} s here. Ctrl+C ends it all.`));
openBrowser(demo.url);
await Promise.race(['SIGINT', 'SIGTERM'].map(signal => once(process, signal)));
await demo.stop();
process.exit(0);

/** Where there is a screen. */
function openBrowser(url: string): void {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  const isLinux = process.platform === 'linux';
  if (!process.stdout.isTTY || (isLinux && !DISPLAY && !WAYLAND_DISPLAY)) return;
  const opener = { linux: 'xdg-open', darwin: 'open' }[String(process.platform)];
  // Without one the address stands above.
  if (opener)
    spawn(opener, [url], { stdio: 'ignore', detached: true })
      .on('error', () => {})
      .unref();
}
