import { afterAll, beforeAll, describe, it } from 'vitest';
import { packCommit } from './stage/apps/shop.ts';
import type { RequestRecord } from './stage/heroku/contract.ts';
import type { Message } from './stage/slack/slack.ts';
import { PEOPLE, type Stage, startStage } from './stage/stage.ts';
import { startTraffic, type Visit } from './stage/traffic.ts';

// Whole trips: the real bot, a Heroku of real processes, people in Slack. Only Heroku's windows are shortened, to 10 s.
const SCALE = 18;
const NAMES = [
  'hats',
  'plain',
  'unbuilt',
  'unreleased',
  'broken',
  'leaving',
  'deaf',
  'race',
  'busy',
  'stale',
  'closed',
  'managed',
  'planned',
  'quiet',
  'settled',
  'asked',
  'door',
  'late',
  'meddled',
] as const;

let stage: Stage;
const requests: (RequestRecord & { app: string })[] = [];
const switches: { app: string; at: Date; release: number }[] = [];

beforeAll(async () => {
  stage = await startStage({
    scale: SCALE,
    channels: [...NAMES, 'general'],
    onHeroku: record => {
      if (record.record === 'request') requests.push(record);
      else if (record.record === 'truth' && record.kind === 'switched') switches.push(record);
    },
  });
}, 60_000);
afterAll(() => stage.stop());

const RECEIPT = { withinMs: 90_000 };

/** ann asks for a plan in the app's channel and starts it; gives the root message once it is there. */
async function deploy(app: string, ref = ''): Promise<Message> {
  const ann = stage.slack.person('ann');
  await ann.types(`/deploy ${app} ${ref}`.trim(), { channel: app });
  const plan = await ann.sees(
    message => message.channel === app && message.buttons().some(({ label }) => label === 'Start'),
  );
  await ann.presses('Start', { on: plan });
  return stage.slack.channel(app).shows(message => message.byBot && message.inThreadOf === null);
}

/** The receipt, once the thread has come to its last reply: the two are told side by side. */
async function ended(app: string, lastReply: RegExp): Promise<Message> {
  await stage.slack
    .channel(app)
    .shows(message => message.inThreadOf !== null && lastReply.test(message.plain), RECEIPT);
  return stage.slack.channel(app).shows(/^\*Receipt\*$/m, RECEIPT);
}
const replies = (root: Message): string[] => root.thread().map(reply => reply.plain);
const madeByBot = (app: string, call: string) =>
  stage.heroku.calls.filter(({ method, path }) => `${method} ${path}` === `POST /apps/${app}/${call}`);
const bad = (app: string, from: Date) =>
  requests.filter(request => request.app === app && request.at >= from && request.status >= 500);

describe.concurrent('a deploy', () => {
  it('is planned for the asker alone, told as it happens, proved, and loses no visitor', async ({ expect }) => {
    const app = await stage.addShop('hats');
    const visits: Visit[] = [];
    const from = new Date();
    const traffic = startTraffic({ url: `${app.runtime.url}/`, perSecond: 20, onVisit: visit => visits.push(visit) });
    const root = await deploy('hats');
    const [ann, bob] = [stage.slack.person('ann'), stage.slack.person('bob')];
    const plan = await ann.sees(message => /Deploy hats\?/.test(message.edits[0]?.plain ?? ''));
    expect(plan.edits[0]?.plain).toContain('2 new commits');
    expect(plan.plain).toContain('has started');
    expect(bob.messages().map(({ ts }) => ts)).not.toContain(plan.ts);

    const announced = await stage.slack.channel('hats').shows(/New code serves: hats runs v5/, RECEIPT);
    const truth = switches.find(record => record.app === 'hats' && record.release === 5);
    const late = Number(announced.ts) * 1000 - (truth?.at.getTime() ?? Number.NaN);
    expect(late).toBeGreaterThanOrEqual(0);
    // How late it is the bench measures, where nothing else runs; by a clock it would be minutes, were windows not scaled.
    expect(late).toBeLessThan(15_000);
    expect(announced.broadcast).toBe(true);
    expect(announced.plain).toContain('@ann');
    await ended('hats', /Old code is gone/);
    await traffic.stop();

    const titles = replies(root).map(text => text.split('\n')[0]);
    // Behind them come the chart and the picture, when they are drawn.
    expect(titles.slice(0, 3)).toEqual([
      expect.stringContaining('Old code is still serving: v4 answers everybody'),
      expect.stringContaining('New code serves: hats runs v5'),
      expect.stringContaining('Old code is gone: only v5 of hats is left'),
    ]);
    // A commit message cannot ping the channel.
    expect(JSON.stringify(stage.slack.calls.map(call => call.args))).not.toContain('<!channel>');
    expect(madeByBot('hats', 'builds')).toHaveLength(1);
    expect(app.releases.at(-1)?.version).toBe(5);
    expect(bad('hats', from)).toEqual([]);
    expect(visits.filter(({ status }) => status !== 200)).toEqual([]);
    expect(Math.max(...visits.map(({ ms }) => ms))).toBeLessThan(5_000);
  });

  it('without preboot, by a push, makes visitors wait for the boot: the router says so', async ({ expect }) => {
    const app = await stage.addShop('plain');
    app.runtime.setPreboot(false);
    const from = new Date();
    const traffic = startTraffic({ url: `${app.runtime.url}/`, perSecond: 20, onVisit: () => {} });
    const { dir, commits } = stage.repository;
    await stage.heroku.deploy(app, await packCommit(dir, commits.v2), commits.v2);
    await traffic.stop();
    const seen = requests.filter(request => request.app === 'plain' && request.at >= from);
    const harmed = seen.filter(({ status, totalMs }) => status >= 500 || totalMs > 500);
    expect(harmed.length).toBeGreaterThan(10);
  });

  it('whose build fails releases nothing, and its thread shows why', async ({ expect }) => {
    const app = await stage.addShop('unbuilt');
    const root = await deploy('unbuilt', 'bad-build');
    expect((await ended('unbuilt', /The build failed/)).plain).toContain('The deploy of unbuilt failed');
    expect(replies(root).join('\n')).toContain('npm error 404 Not Found - GET hats-that-nobody-has');
    expect(app.releases.at(-1)?.version).toBe(4);
  });

  it('whose release phase fails is a failed deploy though its build succeeded', async ({ expect }) => {
    const app = await stage.addShop('unreleased');
    const root = await deploy('unreleased', 'bad-release');
    expect((await ended('unreleased', /The release phase of v5 failed/)).plain).toContain(
      'The deploy of unreleased failed',
    );
    expect(replies(root).join('\n')).toContain('No such hat');
    expect(app.builds.at(-1)?.status).toBe('succeeded');
    expect(app.current?.version).toBe(4);
  });

  it.for([
    ['broken', 'crashes', /crashed/],
    ['leaving', 'crashes-later', /crashed/],
    ['deaf', 'never-binds', /R10/],
  ] as const)(
    'of %s, whose new dynos fail (%s), is undone before a visitor sees it',
    async ([name, ref, why], { expect }) => {
      const app = await stage.addShop(name, { settings: { windowSeconds: 20 } });
      // A window of 20 s: the race against it is another test's.
      app.runtime.knobs.routerDelayMs = 300_000;
      if (ref === 'never-binds') app.runtime.knobs.bootTimeoutMs = 6_000;
      const from = new Date();
      const traffic = startTraffic({ url: `${app.runtime.url}/`, perSecond: 10, onVisit: () => {} });
      const root = await deploy(name, ref);
      const receipt = await ended(name, /Rolled back/);
      await traffic.stop();
      expect(receipt.plain).toContain('serves the code of v4 again, as v6');
      expect(replies(root).join('\n')).toMatch(why);
      expect(replies(root).join('\n')).toMatch(/[Nn]o visitor|[Uu]sers saw nothing|nobody saw/);
      expect(app.releases.map(({ description }) => description).slice(-2)).toEqual([
        expect.stringContaining('Deploy'),
        'Rollback to v4',
      ]);
      expect(bad(name, from)).toEqual([]);
      expect(requests.some(request => request.app === name && request.dyno?.release === 5)).toBe(false);
    },
  );

  it('that loses the race against its window says what visitors saw, and ends when the old code serves again', async ({
    expect,
  }) => {
    const app = await stage.addShop('race', { ref: 'slow-release', config: { SLOW_RELEASE_MS: '14000' } });
    const traffic = startTraffic({ url: `${app.runtime.url}/`, perSecond: 10, onVisit: () => {} });
    const root = await deploy('race', 'crashes');
    const receipt = await ended('race', /Rolled back/);
    await traffic.stop();
    const said = [receipt.plain, ...replies(root)].join('\n');
    expect(receipt.plain).toContain('serves the code of v4 again, as v6');
    expect(bad('race', new Date(0)).length).toBeGreaterThan(0);
    expect(said).toContain('H10');
    expect(replies(root).at(-1)).not.toMatch(/[Uu]sers saw nothing|[Nn]o visitor/);
    const [request] = requests.filter(({ app: name, status }) => name === 'race' && status === 200).slice(-1);
    expect(request?.dyno?.release).toBe(6);
  });

  it('that somebody undoes by releasing other code ends as superseded, and does nothing more', async ({ expect }) => {
    const app = await stage.addShop('settled');
    const root = await deploy('settled');
    await stage.slack.channel('settled').shows(/Old code is still serving/, RECEIPT);
    const { dir, commits } = stage.repository;
    await stage.heroku.deploy(app, await packCommit(dir, commits.v3), commits.v3);
    const receipt = await ended('settled', /was released by somebody else/);
    expect(receipt.plain).toMatch(/v6.*owner@example\.com|owner@example\.com.*v6/s);
    expect(app.releases.at(-1)?.version).toBe(6);
    expect(replies(root).join('\n')).not.toContain('New code serves');
  });

  it('in whose window somebody changes a config var tells what that means, and proves the newest release', async ({
    expect,
  }) => {
    const app = await stage.addShop('meddled');
    await deploy('meddled');
    const channel = stage.slack.channel('meddled');
    await channel.shows(/Old code is still serving/, RECEIPT);
    app.setConfig({ HAT: 'fez' }, stage.heroku.user);
    const told = await channel.shows(/Config vars were changed in the window/, RECEIPT);
    expect(told.plain).toMatch(/Set HAT config vars.*the window begins anew/s);
    await channel.shows(/New code serves: meddled runs v6/, RECEIPT);
    await ended('meddled', /Old code is gone/);
  });

  it('whose answers tell no version is proved by the log', async ({ expect }) => {
    await stage.addShop('quiet', { config: { TELL_RELEASE: 'no' } });
    const ann = stage.slack.person('ann');
    await ann.types('/deploy quiet', { channel: 'quiet' });
    const plan = await ann.sees(/Deploy quiet\?/);
    expect(plan.plain).toContain('To make it provable: 1.');
    await ann.presses('Start', { on: plan });
    const receipt = await ended('quiet', /Old code is gone/);
    expect(receipt.plain).toContain('Proved by logs');
    const announced = await stage.slack.channel('quiet').shows(/New code serves: quiet/);
    expect(Number(announced.ts) * 1000).toBeGreaterThanOrEqual(
      switches.find(({ app }) => app === 'quiet')?.at.getTime() ?? Number.NaN,
    );
  });
});

describe.concurrent('Heroku', () => {
  it('that takes a build and says so too late is not asked for another one', async ({ expect }) => {
    await stage.addShop('late');
    // Longer than any answer is waited for.
    stage.heroku.fails('POST /apps/late/builds', { lateMs: 20_000 });
    await deploy('late');
    await stage.slack.channel('late').shows(/New code serves: late runs v5/, RECEIPT);
    // It is known as answered when it is.
    await expect.poll(() => madeByBot('late', 'builds').length, { timeout: 30_000 }).toBe(1);
  });
});

describe.concurrent('asking for a deploy', () => {
  it('while one runs queues behind it, may leave, and goes on by itself when its turn comes', async ({ expect }) => {
    const app = await stage.addShop('busy');
    app.runtime.knobs.bootTimeoutMs = 240_000;
    await deploy('busy');
    const channel = stage.slack.channel('busy');
    // From here on nothing of the plans below changes before the switch.
    await channel.shows(/Old code is still serving/, RECEIPT);
    const bob = stage.slack.person('bob');
    const queue = async (ref: string, place: RegExp) => {
      await bob.types(`/deploy busy ${ref}`, { channel: 'busy' });
      const plan = await bob.sees(message => message.channel === 'busy' && place.test(message.plain), RECEIPT);
      await bob.presses('Start', { on: plan });
    };
    await queue('v1', /It waits behind the deploy of @ann\. About \d/);
    const first = await channel.shows(/busy: queued.*Open the shop/s, RECEIPT);
    await queue('next', /It waits behind 2 deploys, first that of @ann/);
    await channel.shows(/busy: queued.*Show what is left/s, RECEIPT);
    await bob.presses('Cancel', { on: first });
    await channel.shows(/It left the queue before its turn/, RECEIPT);
    await channel.shows(/New code serves: busy runs v6/, RECEIPT);
    expect(madeByBot('busy', 'builds')).toHaveLength(2);
  });

  it('and afterwards how it stands, what was deployed, and whether a commit is live', async ({ expect }) => {
    await stage.addShop('asked');
    const ann = stage.slack.person('ann');
    const asks = async (words: string, says: RegExp) => {
      await ann.types(`/deploy ${words}`, { channel: 'asked' });
      return (await ann.sees(message => message.channel === 'asked' && says.test(message.plain), RECEIPT)).plain;
    };
    await asks('lock asked for 1h we count hats', /asked is locked until/);
    await stage.slack.channel('asked').shows(/asked is locked.*we count hats/s, RECEIPT);
    const bob = stage.slack.person('bob');
    await bob.types('/deploy asked', { channel: 'asked' });
    await bob.sees(/asked is locked by @ann since .*we count hats/, RECEIPT);
    await asks('unlock asked', /asked is free again/);
    await bob.sees(/asked is free again/, RECEIPT);
    await deploy('asked');
    await stage.slack.channel('asked').shows(/asked: (fetching|building)/, RECEIPT);
    expect(await asks('live asked next', /Not live/)).toMatch(/lacks 3 commits up to it/);
    expect(await asks('status asked', /asked runs v/)).toMatch(/started by @ann/);
    const root = await stage.slack.channel('asked').shows(/asked: /, RECEIPT);
    await ann.mentions(root, 'run them');
    await ann.sees(/No contract migrations wait for an approval now/, RECEIPT);
    await ann.opensHome();
    await ann.seesHome(/asked: /);
    const home = await ann.seesHome(/asked: /);
    await ann.presses('Deploy…', { on: home });
    const which = await ann.seesForm(/App/);
    expect((await ann.searches(which, 'app', 'ask')).map(({ value }) => value)).toEqual(['asked']);
    await ann.fills({ app: 'asked' });
    const choosing = await ann.seesForm(/Branch, tag or commit/);
    expect((await ann.searches(choosing, 'ref', 'ne')).map(({ value }) => value)).toEqual(['never-binds', 'next']);
    await ann.fills({ ref: 'next' });
    await ann.sees(/Deploy \w+\?.*from `next` of acme\/shop/s, RECEIPT);
    await ann.uses('Deploy actions', root);
    await ann.presses('Cancel', { on: await ann.seesForm(/asked: /) });
    await ann.seesForm(/Nothing is released|Rolling back|goes back at once|nothing is built|Taken/);
    await stage.slack.channel('asked').shows(/This deploy is being called off|Rolling asked back/, RECEIPT);
    await ended('asked', /cancelled|was rolled back|is deployed/);
    await ann.seesHome(/The deploy of asked was cancelled|asked was rolled back/);
    await asks('history asked', /The last 1 deploy of asked/);
    await asks('stauts', /Did you mean `\/deploy status`/);
  });

  it('is refused while the app is closed on a person’s word; closed and open are proved', async ({ expect }) => {
    const app = await stage.addShop('door');
    const [ann, channel] = [stage.slack.person('ann'), stage.slack.channel('door')];
    const mine = (words: RegExp) =>
      ann.sees(message => message.channel === 'door' && words.test(message.plain), RECEIPT);
    await ann.types('/maintenance door on for 30m we count hats', { channel: 'door' });
    const question = await mine(/Close door\?/);
    expect(question.plain).toContain('MAINTENANCE_PAGE_URL` is not set');
    expect(app.maintenance).toBe(false);
    await ann.presses('Close it', { on: question });
    await channel.shows(/door is closed.*we count hats.*Visitors get the closed page since/s, RECEIPT);
    expect((await fetch(`${app.runtime.url}/`)).status).toBe(503);
    await ann.types('/deploy door', { channel: 'door' });
    await mine(/door is in maintenance mode/);
    await ann.types('/maintenance door off', { channel: 'door' });
    await channel.shows(/door is open again.*@ann opened it.*proved by asking it/s, RECEIPT);
    expect((await fetch(`${app.runtime.url}/`)).status).toBe(200);
  });

  it('and starting it after the world changed shows the new plan instead', async ({ expect }) => {
    const app = await stage.addShop('stale');
    const ann = stage.slack.person('ann');
    await ann.types('/deploy stale', { channel: 'stale' });
    const plan = await ann.sees(/Deploy stale\?/);
    app.setConfig({ HAT: 'fez' }, stage.heroku.user);
    await app.settled();
    await ann.presses('Start', { on: plan });
    expect((await ann.sees(/Not started/)).plain).toContain('v5 went live in place of v4');
    expect(madeByBot('stale', 'builds')).toHaveLength(0);
  });

  it('gives all reasons against it at once', async ({ expect }) => {
    const app = await stage.addShop('closed');
    app.preboot = false;
    app.maintenance = true;
    const ann = stage.slack.person('ann');
    await ann.types('/deploy closed no/such', { channel: 'closed' });
    const { plain } = await ann.sees(/Not possible now/);
    for (const reason of ['no branch, tag or commit no/such', 'Preboot is off', 'maintenance mode']) {
      expect(plain).toContain(reason);
    }
  });

  it('for a time begins then', async ({ expect }) => {
    await stage.addShop('planned');
    const [ann, channel] = [stage.slack.person('ann'), stage.slack.channel('planned')];
    await ann.types('/deploy planned at 25:00', { channel: 'planned' });
    await ann.sees(/25:00.* is no time. Say 18:30/);
    const schedule = async () => {
      await ann.types('/deploy planned at tomorrow 9:00', { channel: 'planned' });
      const plan = await ann.sees(message => message.channel === 'planned' && /Deploy planned /.test(message.plain));
      await ann.presses('Schedule', { on: plan });
      await channel.shows(/planned will be deployed .*09:00/, RECEIPT);
    };
    await schedule();
    await ann.types('/deploy status planned', { channel: 'planned' });
    await ann.sees(/planned runs v4.*by @ann, begins .*09:00/s, RECEIPT);
    await ann.types('/deploy cancel planned', { channel: 'planned' });
    await ann.sees(/Taken off: nothing begins then/, RECEIPT);
    await channel.shows(/The deploy of planned was taken off/, RECEIPT);
    await schedule();
    expect(madeByBot('planned', 'builds')).toEqual([]);
    await stage.database.query("UPDATE schedules SET due = now() WHERE app = 'planned' AND outcome IS NULL");
    await channel.shows(/The deploy of planned began at its time/, RECEIPT);
    await channel.shows(/planned: (fetching|building|its dynos|old code)/, RECEIPT);
    await ended('planned', /Old code is gone/);
  });

  it('and who may, are changed in a form by an admin, and told', async ({ expect }) => {
    await stage.addShop('managed');
    const [ada, eve] = [stage.slack.person('ada'), stage.slack.person('eve')];
    const channel = stage.slack.channel('managed');
    await eve.types('/deploy settings managed', { channel: 'managed' });
    expect((await eve.sees(/may not change the settings of managed/)).plain).toContain('@ada');
    await ada.types('/deploy settings managed', { channel: 'managed' });
    const form = await ada.seesForm(/Settings of managed/);
    expect((await ada.searches(form, 'defaultRef', 'ce')).map(({ value }) => value)).toContain('cents');
    expect((await ada.searches(form, 'groups', '@op')).map(({ text }) => text.text)).toContain('@ops may deploy');
    expect((await ada.searches(form, 'groups', '#man')).map(({ text }) => text.text)).toContain(
      'members of #managed may see',
    );
    const wrong = await ada.fills({ repository: 'acme' });
    expect(wrong.errors.repository).toContain('owner/name');
    const back = 'it goes back by itself, 30 s after that was told (slow: 90 s)';
    await ada.fills({ repository: 'acme/shop', deployers: ['U0ADA'], groups: ['@ops may deploy'], health: [back] });
    await channel.shows(
      /The settings of managed were changed.*`deployers`: .*@ada.*`autoRollback`: false → true/s,
      RECEIPT,
    );
    await ada.types('/deploy managed --plan', { channel: 'managed' });
    await ada.sees(/What a deploy of managed would do/);
    await stage.slack.person('ann').types('/deploy managed --plan', { channel: 'managed' });
    await stage.slack.person('ann').sees(/may not deploy managed/);
  });

  it('is refused to strangers with whom to ask, and wrong words with what to type', async ({ expect }) => {
    const [eve, ann] = [stage.slack.person('eve'), stage.slack.person('ann')];
    await stage.addShop('general', {
      settings: { deployers: [PEOPLE.ann, 'S0OPS', 'U0GUS'], allowedChannels: ['C0GENERAL'] },
    });
    await eve.types('/deploy general', { channel: 'general' });
    expect((await eve.sees(/may not deploy/)).plain).toContain('@ann, @ops');
    await stage.slack.person('gus').types('/deploy general', { channel: 'general' });
    await stage.slack.person('gus').sees(/You are a guest in this workspace/);
    const vic = stage.slack.person('vic');
    await vic.types('/deploy general', { channel: 'hats' });
    await vic.sees(/general is not asked for here, nor shown. Go to #general/);
    await vic.types('/deploy general --plan', { channel: 'general' });
    await vic.sees(/What a deploy of general would do/);
    await ann.types('/deploy hatz', { channel: 'general' });
    expect((await ann.sees(/hatz/)).plain).toContain('general');
    await ann.types('/deploy general main now please', { channel: 'general' });
    expect((await ann.sees(/one word too many/, { withinMs: 5_000 })).onlyTo).toBe('ann');
    await eve.types('/deploy', { channel: 'general' });
    expect((await eve.sees(/may not deploy any app yet/)).onlyTo).toBe('eve');
  });
});
