import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The machine's own Chromium, or the one that CHROMIUM names. Throws with how to get one. */
export async function startChromium(): Promise<Browser> {
  const { CHROMIUM, PATH = '' } = process.env;
  const usual = PATH.split(delimiter).flatMap(folder => NAMES.map(name => join(folder, name)));
  const executablePath = [...(CHROMIUM ? [CHROMIUM] : []), ...usual].find(isProgram);
  if (!executablePath) {
    throw new Error(
      'There is no Chromium here. Install it (Debian: apt-get install chromium) or name one in CHROMIUM.',
    );
  }
  // As root Chromium does not start in its sandbox. It only meets our own page.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
