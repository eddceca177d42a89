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
