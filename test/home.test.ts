import { describe, expect, it } from 'vitest';
import { Homes } from '../src/homes.ts';
import { homeView } from '../views/home.ts';
import { deploys } from './sample-deploys.ts';
import { migrating } from './sample-migrations.ts';
import { validateBlocks } from './stage/slack/blocks.ts';

const status = { app: 'shop', mayDeploy: true, mayApprove: true, running: null, waiting: [], last: null, locks: [] };

describe('the Home of a person', () => {
  it('says first what waits for them, then how each of their apps stands', () => {
    const running = migrating['waiting for an approval'];
    const shown = JSON.stringify(
      homeView({
        waiting: [running],
        apps: [
          { ...status, running },
          { ...status, app: 'kiosk', last: deploys.succeeded, mayDeploy: false },
        ],
      }),
    );
    for (const part of ['1 approval waits for you', 'waiting for an approval', '*kiosk*, v42', 'shop is deployed']) {
      expect(shown).toContain(part);
    }
    expect(shown).toContain('"value":"shop"');
    expect(shown).not.toContain('"value":"kiosk"');
  });

  it('of somebody without an app says whom to ask', () => {
    expect(JSON.stringify(homeView({ waiting: [], apps: [] }))).toContain('Ask whoever runs this bot');
  });

  it('keeps to what Slack draws, however many apps there are', () => {
    const apps = Array.from({ length: 200 }, (_, index) => ({
      ...status,
      app: `app-${index}`,
      last: deploys.succeeded,
    }));
    const { blocks } = homeView({ waiting: Array(50).fill(deploys.succeeded), apps });
    expect(blocks.length).toBeLessThanOrEqual(100);
    expect(validateBlocks(blocks, 'home')).toEqual([]);
  });

  it('is published when they open it, and again only when something in it changed', async () => {
    const published: string[] = [];
    let app = 'shop';
    const homes = new Homes({
      store: { opened: async () => {}, viewers: async () => ['U0ANN', 'U0BOB'] },
      look: async () => [{ ...status, app }],
      draw: apps => apps.map(known => known.app).join(),
      publish: async (user, view) => {
        published.push(`${user} ${view}`);
      },
      log: { warn: () => {} },
    });
    await homes.opened('U0ANN');
    expect(published).toEqual(['U0ANN shop']);
    homes.changed();
    homes.changed();
    await expect.poll(() => published, { timeout: 8_000 }).toEqual(['U0ANN shop', 'U0BOB shop']);
    app = 'kiosk';
    homes.changed();
    await expect.poll(() => published.slice(2), { timeout: 8_000 }).toEqual(['U0ANN kiosk', 'U0BOB kiosk']);
    await homes.stop();
  });
});
