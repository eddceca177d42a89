import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDemoPage } from '../stage/page/demo.ts';
import { startChromium } from './chromium.ts';

const SCALE = 10;
const LONG = { timeout: 60_000 };
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

let demo: Awaited<ReturnType<typeof startDemoPage>>;
let browser: Browser;
let page: Page;
let pictures: string;
const complaints: string[] = [];

beforeAll(async () => {
  pictures = process.env.PICTURES ?? (await mkdtemp(join(tmpdir(), 'switchover-pictures-')));
  await mkdir(pictures, { recursive: true });
  browser = await startChromium();
  demo = await startDemoPage({ scale: SCALE });
  page = await browser.newPage({ viewport: WIDE, colorScheme: 'light', timezoneId: 'UTC' });
  page.setDefaultTimeout(15_000);
  page.on('pageerror', error => complaints.push(error.message));
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text());
  });
});
afterAll(async () => {
  await browser?.close();
  await demo?.stop();
});

async function picture(name: string): Promise<void> {
  // What the mouse points at is drawn differently.
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

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
  await picture('plan');
  await start.click();

  await channel().getByText('shop: old code is still serving').waitFor(LONG);
  await channel().locator('.replies').click();
  await thread().getByText('Old code is still serving: v4 answers everybody').waitFor(LONG);
  expect(await heroku().getByText('is current').textContent()).toContain('v5');
  expect(await heroku().getByTestId('serving').textContent()).toMatch(/^v4/);
  await picture('window');
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture('window-dark');
  await page.setViewportSize(PHONE);
  await picture('window-phone');
  expect(await page.evaluate<number>('document.documentElement.scrollWidth'), 'on a phone').toBeLessThanOrEqual(
    PHONE.width,
  );
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(WIDE);

  await thread().getByText('New code serves: shop runs v5').waitFor(LONG);
  await channel().getByText('New code serves: shop runs v5').waitFor();
  await picture('announcement');
  await thread().getByText('Approve what shop no longer needs?').waitFor(LONG);
  expect(await heroku().getByTestId('serving').textContent()).toMatch(/^v5/);

  await page.getByLabel('Act as').selectOption('bob');
  await thread().getByRole('button', { name: /^Hold/ }).waitFor();
  await picture('approval');
  await thread().getByRole('button', { name: /^Hold/ }).click();
  await dialog().getByRole('button', { name: 'Hold them' }).click();
  await dialog().getByText('Please complete this required field.').waitFor();
  await picture('form');
  await dialog().getByRole('button', { name: 'Not now' }).click();
  await dialog().waitFor({ state: 'detached' });

  await thread().getByRole('button', { name: /^Run/ }).click();
  await dialog().getByText('cannot be brought back').waitFor();
  await picture('confirm');
  await dialog().getByRole('button', { name: 'Run them' }).click();
  await thread().getByText('Contract migrations are done').waitFor(LONG);
  await thread().getByText('Receipt').waitFor(LONG);
  await picture('done');
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
  expect(complaints).toEqual([]);
});
