import { readdirSync, readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// The least that a linter of SQL can do: parse each file of the folder that is given, with the linter's own parser.

enableCompileCache();
const { parse, parserReady } = await import('../../src/domain/migration/parser.ts');
await parserReady();
const [dir = ''] = process.argv.slice(2);
for (const file of readdirSync(dir)) {
  if (parse(readFileSync(join(dir, file), 'utf8')).kind === 'unparsed') throw new Error(`${file} cannot be parsed`);
}
