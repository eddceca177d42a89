import { describe, expect, it } from 'vitest';
import { deploy } from '../commands/deploy.ts';
import { maintenance } from '../commands/maintenance.ts';
import type { AppSettings } from '../src/domain/app.ts';
import { maySee, withRoles } from '../src/domain/permission.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { BoltRig } from './bolt-rig.ts';

const [ANN, BOB, VIC, ADA, EVE] = ['U0ANN', 'U0BOB', 'U0VIC', 'U0ADA', 'U0EVE'];
const kiosk: AppSettings = {
  ...{ name: 'kiosk', repository: 'acme/kiosk', defaultRef: 'main', channel: 'C0KIOSK', windowSeconds: 180 },
  ...{ deployers: [ANN], approvers: [BOB], viewers: [VIC], admins: [], fourEyes: true, allowedChannels: ['C0KIOSK'] },
};
const till: AppSettings = { ...kiosk, name: 'till', deployers: [], admins: [ANN], allowedChannels: [] };

async function told(user: string, apps = [kiosk, till]): Promise<string> {
  const { bot } = new BoltRig();
  const all = apps.map(settings => withRoles(settings, new Map(), [ADA]));
  const asked = { ...bot, admins: [ADA], visible: async () => all.filter(app => maySee(app, user)) };
  const said = await deploy(asked, { user, channel: 'C1', text: 'help', id: '1' });
  return JSON.stringify(said?.blocks);
}

describe('/deploy help', () => {
  it('shows a deployer what to type, with an app that they may deploy', async () => {
    const shown = await told(ANN);
    for (const part of [
      ...['`/deploy kiosk main at 18:30`', '`/deploy rollback kiosk`', '`/maintenance kiosk on for 15m'],
      ...['`/deploy settings till`', 'kiosk` from `main` of acme/kiosk: deploy, asked for in <#C0KIOSK>'],
    ]) {
      expect(shown).toContain(part);
    }
    expect(shown).not.toContain('/deploy add');
    expect(shown).not.toContain('settings kiosk');
    expect(shown).not.toContain('shop');
  });

  it.each([
    [
      VIC,
      [
        '`/deploy status kiosk`',
        '`/deploy live kiosk abc1234`',
        '`/maintenance kiosk status`',
        'apps are added by <@U0ADA>',
      ],
    ],
    [BOB, ['`/deploy history kiosk`', 'kiosk` from `main` of acme/kiosk: approve']],
  ])('does not show %s what they may not', async (user, parts) => {
    const shown = await told(user);
    for (const part of [...parts, 'You may not deploy any app yet']) expect(shown).toContain(part);
    for (const verb of ['cancel', 'rollback', 'lock', 'settings', 'add`', 'on for 15m', '*Start*']) {
      expect(shown, verb).not.toContain(verb);
    }
  });

  it('begins with adding an app for whoever may, and with whom to ask for everybody else', async () => {
    const first = await told(ADA, []);
    expect(first).toContain('`/deploy add`');
    expect(first).toContain('Add one, and say who may deploy it.');
    const stranger = await told(EVE);
    expect(stranger).toContain('<@U0ADA>');
    expect(stranger).not.toContain('kiosk');
    expect(stranger).not.toContain('`/deploy');
  });
});

describe('a verb that is mistyped', () => {
  const asked = (text: string) => {
    const { bot } = new BoltRig();
    return deploy(bot, { user: ANN, channel: 'C1', text, id: '1' }).then(
      () => '',
      ({ message }: Error) => message,
    );
  };

  it('is met with what was probably meant', async () => {
    expect(await asked('hsitory')).toContain('Did you mean `/deploy history shop`?');
    expect(await asked('stauts kiosk')).toContain('Did you mean `/deploy status`');
  });
});

describe('what may follow /maintenance', () => {
  const said = (text: string): Promise<string> =>
    maintenance(new BoltRig().bot, { id: 'x', user: ANN, channel: 'C1', text }).then(
      ({ text: answer }) => answer,
      error => {
        if (!(error instanceof Refusal)) throw error;
        return `refused: ${error.reasons.join(' ')}`;
      },
    );

  it.each([
    ['', /Close an app for a while/],
    ['shop', /shop is open/],
    ['app:status off', /status is being opened/],
    ['Shop OFF', /shop is being opened/],
    ['on shop for 15m we count', /refused: Did you mean `\/maintenance shop on for 15m we count`\?/],
    ['status shop', /refused: Did you mean `\/maintenance shop status`\?/],
    ['shop stauts', /refused: Did you mean `\/maintenance shop status`\?/],
    ['shop:on', /refused: Did you mean `\/maintenance shop on`\?/],
    ['shop close', /refused: “close” is nothing .*`\/maintenance shop on/],
    ['my_shop on', /refused: “my_shop” is no name .*`\/maintenance shop on/],
    ['shop on for ever', /refused: “ever” is no length of time/],
  ])('%j is answered with its own words', async (text, answer) => {
    const told = await said(text);
    expect(told).toMatch(answer);
    expect(told).not.toContain('/deploy');
  });
});
