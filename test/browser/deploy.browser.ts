import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDemoPage } from '../stage/page/demo.ts';
import { openRoom, PHONE, type Room, WIDE } from './room.ts';

const SCALE = 10;
const LONG = { timeout: 60_000 };

let demo: Awaited<ReturnType<typeof startDemoPage>>;
let room: Room;
let page: Room['page'];
beforeAll(async () => {
  room = await openRoom();
  page = room.page;
  demo = await startDemoPage({ scale: SCALE });
});
afterAll(async () => {
  await room?.close();
  await demo?.stop();
});

const channel = () => page.getByRole('main');
const thread = () => page.getByRole('complementary', { name: 'Thread' });
const heroku = () => page.getByRole('complementary', { name: 'Local Heroku' });
const dialog = () => page.getByRole('dialog');

it('a newcomer deploys in the browser, watches the window, has it approved by another, and reads the thread', async () => {
  await page.goto(`${demo.url}?as=ann`);
  const box = page.getByLabel('Message #shop');
  await box.fill('/dep');
  await page.getByRole('option', { name: /\/deploy/ }).click();
  await box.pressSequentially('shop');
  await box.press('Enter');
  const start = channel().getByRole('button', { name: /^Start/ });
  await start.waitFor(LONG);
  await room.picture('plan');
  await start.click();

  await channel().getByText('shop: old code is still serving').waitFor(LONG);
  await channel().locator('.replies').click();
  await thread().getByText('Old code is still serving: v4 answers everybody').waitFor(LONG);
  expect(await heroku().getByText('is current').textContent()).toContain('v5');
  expect(await heroku().getByTestId('serving').textContent()).toMatch(/^v4/);
  await room.picture('window');
  await page.emulateMedia({ colorScheme: 'dark' });
  await room.picture('window-dark');
  await page.setViewportSize(PHONE);
  await room.picture('window-phone');
  expect(await page.evaluate<number>('document.documentElement.scrollWidth'), 'on a phone').toBeLessThanOrEqual(
    PHONE.width,
  );
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(WIDE);

  await thread().getByText('New code serves: shop runs v5').waitFor(LONG);
  await channel().getByText('New code serves: shop runs v5').waitFor();
  await room.picture('announcement');
  await thread().getByText('Approve what shop no longer needs?').waitFor(LONG);
  expect(await heroku().getByTestId('serving').textContent()).toMatch(/^v5/);

  await page.getByLabel('Act as').selectOption('bob');
  await thread().getByRole('button', { name: /^Hold/ }).waitFor();
  await room.picture('approval');
  await thread().getByRole('button', { name: /^Hold/ }).click();
  await dialog().getByRole('button', { name: 'Hold them' }).click();
  await dialog().getByText('Please complete this required field.').waitFor();
  await room.picture('form');
  await dialog().getByRole('button', { name: 'Not now' }).click();
  await dialog().waitFor({ state: 'detached' });

  await thread().getByRole('article').first().hover();
  await thread().getByLabel('More actions').first().click();
  await page.getByRole('menuitem', { name: 'Deploy actions' }).click();
  await dialog().getByText('DROP TRIGGER keep_price ON hats').waitFor();
  await room.picture('menu');
  await dialog().getByRole('button', { name: 'Close', exact: true }).last().click();
  await dialog().waitFor({ state: 'detached' });

  await thread().getByRole('button', { name: /^Run/ }).click();
  await dialog().getByText('cannot be brought back').waitFor();
  await room.picture('confirm');
  await dialog().getByRole('button', { name: 'Run them' }).click();
  await thread().getByText('Contract migrations are done').waitFor(LONG);
  await thread().getByText('Receipt', { exact: true }).waitFor(LONG);
  await room.picture('done');
  const picture = thread().getByRole('img', { name: /^shop: v4 to v5, deployed/ });
  await picture.waitFor(LONG);
  const wide =
    "document.querySelector('.file img').decode().then(() => document.querySelector('.file img').naturalWidth)";
  expect(await page.evaluate<number>(wide)).toBe(1_600);
  await thread().getByText('Who answered for shop').waitFor();
  await picture.scrollIntoViewIfNeeded();
  await room.picture('picture');
  await page.emulateMedia({ colorScheme: 'dark' });
  await room.picture('picture-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  const said = await thread().getByRole('article').allInnerTexts();
  const order = [/still serving/, /New code serves/, /Old code is gone/, /approved/, /Contract migrations are done/];
  const found = order.map(words => said.findIndex((reply, index) => index > 0 && words.test(reply)));
  expect(
    found.every((at, index) => at > (found[index - 1] ?? 0)),
    said.join('\n---\n'),
  ).toBe(true);
  expect(
    await heroku()
      .getByText(/requests, /)
      .textContent(),
  ).toContain(' 0 failed');

  await page.getByLabel('Act as').selectOption('ann');
  await channel().getByText('shop is deployed').first().waitFor();
  expect(await channel().getByText('Approved: they run now').count(), 'what only bob sees').toBe(0);
  expect(room.complaints).toEqual([]);
});

it('the team that deployed it closes it, locks it, and each of them sees what they may', async () => {
  const says = async (as: string, words: string): Promise<void> => {
    await page.getByLabel('Act as').selectOption(as);
    const box = page.getByLabel('Message #shop');
    await box.fill(words);
    await box.press('Enter');
  };
  const last = () => channel().getByRole('article').last();
  await thread().getByRole('button', { name: 'Close' }).click();

  await says('vic', '/deploy help');
  await last().getByText('whether a commit is live').waitFor(LONG);
  expect(await last().innerText()).not.toMatch(/cancel|lock|on for 15m/);
  await says('vic', '/deploy shop');
  await last().getByText('Those who may: @ann, @bob').waitFor(LONG);

  await says('bob', '/maintenance shop on for 15m we count hats');
  await last()
    .getByRole('button', { name: /^Close/ })
    .click(LONG);
  await dialog().getByRole('button', { name: 'Close it' }).click();
  await channel().getByText('Visitors get the closed page since').waitFor(LONG);
  await channel().getByText('It opens by itself at').waitFor();
  expect(await heroku().getByTestId('serving').textContent()).toContain('maintenance page');
  await room.picture('maintenance');
  await says('ann', '/deploy lock shop for 2h we count hats');
  await channel().getByText('shop is locked').first().waitFor(LONG);

  await page.getByRole('button', { name: 'Switchover' }).click();
  await channel().getByText('shop is closed by @bob until').waitFor(LONG);
  await channel().getByText('shop is locked by @ann until').waitFor(LONG);
  await channel().getByText('shop, v5').waitFor();
  await room.picture('home');
  await channel()
    .getByRole('button', { name: /^Choose an app/ })
    .click();
  await dialog().getByLabel('App').click();
  await dialog().getByLabel('Search').fill('sho');
  await dialog().getByRole('option', { name: 'shop' }).click();
  await dialog().getByRole('button', { name: 'Next' }).click();
  await dialog().getByLabel('Branch, tag or commit').waitFor();
  await dialog().getByRole('button', { name: 'Not now' }).click();

  await page.getByRole('button', { name: '# shop' }).click();
  await page.getByLabel('Act as').selectOption('bob');
  await channel()
    .getByRole('button', { name: /^Open shop now/ })
    .click();
  await channel().getByText('shop is open again').waitFor(LONG);
  expect(await heroku().getByTestId('serving').textContent()).toMatch(/^v5/);

  await says('ada', '/deploy settings shop');
  await dialog().getByText('When nothing is deployed').waitFor(LONG);
  await dialog().getByLabel('When nothing is deployed').fill('fri 16:00 - mon 08:00: the weekend');
  await room.picture('settings');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await channel().getByText('fri 16:00 - mon 08:00 Etc/UTC: the weekend').waitFor(LONG);
  expect(room.complaints).toEqual([]);
});
