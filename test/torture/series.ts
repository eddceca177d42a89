import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

// Branches for app after app and deploy after deploy: each builds on the one before and changes the schema a little.

/** More than anybody deploys in a run. */
export const STEPS = 30;
/** What new code can have wrong with it, as the beginning of its branch's name. */
export const BAD = ['crash', 'build', 'release', 'contract', 'smoke'] as const;
export type Bad = (typeof BAD)[number];

/** Branches that migrate by files, and by commands of the app. */
export const fileBranch = (step: number, bad?: Bad): string => `${bad ?? 'step'}-${step}`;
export const commandBranch = (step: number): string => `command-${step}`;

/** Every file and command leaves a row, so that how often it ran can be counted in the app's own database. */
export const RAN =
  'CREATE TABLE IF NOT EXISTS ran (file text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())';
const ran = (file: string): string => `INSERT INTO ran (file) VALUES ('${file}');\n`;

const COMMAND = `import pg from 'pg';
const [what, step] = process.argv.slice(2);
if (what === 'plan') console.log(\`ALTER TABLE hats DROP COLUMN d\${step};\`);
else {
  console.log('Charged with', process.env.CHARGE_KEY);
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  await client.query(\`INSERT INTO ran (file) VALUES ('\${what} \${step}')\`);
  await client.query(what === 'expand' ? \`ALTER TABLE hats ADD COLUMN d\${step} integer\` : \`ALTER TABLE hats DROP COLUMN d\${step}\`);
  await client.end();
}
`;

const destroys = (step: number): boolean => step % 2 === 0;
/** Whether a step has something to destroy for which its app is closed: the first that has, few apps come to many. */
export const closes = (step: number): boolean => step % 4 === 2;

const switchoverJson = (step: number, answers: number): string =>
  JSON.stringify({
    soakSeconds: 1,
    migrations: { maintenance: closes(step) },
    smoke: [{ path: '/', status: answers }],
  });

function filesOf(step: number): Record<string, string> {
  const files: Record<string, string> = {
    'switchover.json': switchoverJson(step, 200),
    Procfile: step % 3 === 0 ? 'web: node server.js\nrelease: sleep 1\n' : 'web: node server.js\n',
  };
  for (let each = 1; each <= step; each++) {
    const grow = `${100 + each}_grow`;
    files[`migrations/${grow}.sql`] = `ALTER TABLE hats ADD COLUMN c${each} integer;\n${ran(grow)}`;
    const shrink = `${100 + each}_shrink`;
    if (destroys(each))
      files[`migrations/contract/${shrink}.sql`] = `ALTER TABLE hats DROP COLUMN c${each};\n${ran(shrink)}`;
  }
  return files;
}

const wrong = (step: number): Record<Bad, Record<string, string>> => ({
  crash: { 'server.js': "throw new Error('There are no hats');\n", CRASHES: '' },
  build: { 'package.json': '{ "name": "shop", "type": "module", "dependencies": { "hats-that-nobody-has": "1" } }\n' },
  release: { Procfile: 'web: node server.js\nrelease: printenv DATABASE_URL CHARGE_KEY; exit 1\n' },
  contract: { 'migrations/contract/199_fails.sql': 'ALTER TABLE hats DROP COLUMN never_there;\n' },
  smoke: { 'switchover.json': switchoverJson(step, 204) },
});

/** Adds the branches to the sample app's repository. Gives the commits whose code cannot serve. */
export async function addSeries(dir: string): Promise<ReadonlySet<string>> {
  const commands = (step: number) => ({
    'switchover.json': JSON.stringify({
      soakSeconds: 1,
      migrations: {
        expand: `node command.js expand ${step}`,
        contract: `node command.js contract ${step}`,
        plan: `node command.js plan ${step}`,
      },
    }),
    Procfile: 'web: node server.js\n',
    'command.js': COMMAND,
  });
  const steps = Array.from({ length: STEPS }, (_, index) => index + 1);
  const branches = steps.flatMap(step => [
    { name: fileBranch(step), files: filesOf(step) },
    { name: commandBranch(step), files: commands(step) },
    ...BAD.map(bad => ({ name: fileBranch(step, bad), files: { ...filesOf(step), ...wrong(step)[bad] } })),
  ]);
  const stream = branches.map(({ name, files }, index) => {
    const about = `Step on, ${name}`;
    const at = `Hatty Milliner <hatty@example.com> ${1_767_607_200 + index} +0000`;
    const changes = Object.entries(files).map(
      ([path, text]) => `M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`,
    );
    return `commit refs/heads/${name}\nauthor ${at}\ncommitter ${at}\ndata ${about.length}\n${about}\nfrom refs/heads/main^0\n${changes.join('')}\n`;
  });
  const git = execFile('git', ['-C', dir, 'fast-import', '--quiet']);
  git.stdin?.end(stream.join(''));
  const [status] = await once(git, 'exit');
  if (status !== 0) throw new Error(`git fast-import ended with ${status}`);
  const crashing = steps.map(step => `refs/heads/${fileBranch(step, 'crash')}`);
  const { stdout } = await promisify(execFile)('git', ['-C', dir, 'rev-parse', ...crashing]);
  return new Set(stdout.trim().split('\n'));
}
