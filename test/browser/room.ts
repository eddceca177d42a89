import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { startChromium } from './chromium.ts';

export const WIDE = { width: 1360, height: 840 };
export const PHONE = { width: 390, height: 844 };

export type Room = {
  page: Page;
  /** What went wrong in the page itself. */
  complaints: string[];
  /** Keeps a picture in the folder that PICTURES names, or in a temporary one. */
  picture(name: string): Promise<void>;
  close(): Promise<void>;
};

/** A window of a real Chromium. */
export async function openRoom(): Promise<Room> {
  const pictures = process.env.PICTURES ?? (await mkdtemp(join(tmpdir(), 'switchover-pictures-')));
  await mkdir(pictures, { recursive: true });
  const browser = await startChromium();
  const page = await browser.newPage({ viewport: WIDE, colorScheme: 'light', timezoneId: 'UTC' });
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on('pageerror', error => complaints.push(error.message));
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return {
    page,
    complaints,
    picture: async name => {
      // What the mouse points at is drawn differently.
      await page.mouse.move(0, 0);
      await page.screenshot({ path: join(pictures, `${name}.png`) });
    },
    close: () => browser.close(),
  };
}
