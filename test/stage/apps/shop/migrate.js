import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

// A stranger's migration command, as Rails, Django or a shell script would bring one. It says what it does, takes its
// time, and counts how often it ran.
const FILES = {
  expand: ['migrations/3_price_cents.sql', 'migrations/4_fill_cents.sql'],
  contract: ['migrations/contract/5_drop_price.sql'],
};
const [what] = process.argv.slice(2);
const files = FILES[what === 'plan' ? 'contract' : what];
if (!files) throw new Error(`expand, contract or plan, not ${what}`);
const texts = await Promise.all(files.map(file => readFile(file, 'utf8')));

if (what === 'plan') {
  process.stdout.write(texts.join(''));
} else {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS runs (what text)');
  await client.query('INSERT INTO runs VALUES ($1)', [what]);
  for (const [index, text] of texts.entries()) {
    console.log(`== ${files[index]}`);
    if (what === 'contract') await sleep(3_000);
    await client.query(text);
  }
  await client.end();
}
