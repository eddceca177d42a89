import { PEOPLE, startStage } from '../stage.ts';
import { startTraffic } from '../traffic.ts';
import { HerokuBoard } from './board.ts';
import { turn } from './knobs.ts';
import { startPage } from './page.ts';

const ROLES: Record<keyof typeof PEOPLE, string> = {
  ann: 'deployer',
  bob: 'approver',
  vic: 'viewer',
  ada: 'admin',
  eve: 'a stranger',
};
const REQUESTS_PER_SECOND = 20;

/** The sample app under traffic, the real bot, and the page to play them from. `/deploy shop` replaces a column. */
export async function startDemoPage({ scale }: { scale: number }): Promise<{ url: string; stop(): Promise<void> }> {
  const board = new HerokuBoard();
  const channels = ['shop', 'general'];
  const stage = await startStage({ scale, channels, onHeroku: record => board.take(record) });
  try {
    const shop = await stage.addShop('shop', { ref: 'main', defaultRef: 'cents', settings: { viewers: [PEOPLE.vic] } });
    const visitors = startTraffic({
      url: `${shop.runtime.url}/`,
      perSecond: REQUESTS_PER_SECOND,
      onVisit: () => {},
    });
    const page = await startPage({
      slack: stage.slack,
      people: Object.entries(PEOPLE).map(([name, id]) => ({ id, name, role: ROLES[name as keyof typeof PEOPLE] })),
      board: () => ({ bot: stage.bot.running ? 'running' : 'down', apps: board.apps(stage.heroku) }),
      turn: (knob, app, on) => turn(stage, knob, app, on),
    });
    const stop = async (): Promise<void> => {
      await page.stop();
      await visitors.stop();
      await stage.stop();
    };
    return { url: page.url, stop };
  } catch (error) {
    await stage.stop();
    throw error;
  }
}
