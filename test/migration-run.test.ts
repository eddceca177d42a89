import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MigrationRig, PLACE, runAll, startMigrationRig } from './migration-rig.ts';

let rig: MigrationRig;

beforeAll(async () => {
  rig = await startMigrationRig();
});
afterAll(() => rig?.stop());

describe('migrations that are run', () => {
  it('are recorded, each in the table of its folder, whatever they are written in', async () => {
    const url = await rig.database();
    const files = {
      'migrations/1_hats.sql': 'CREATE TABLE hats (id int PRIMARY KEY);\nINSERT INTO hats VALUES (1);',
      'migrations/2_caps.ts': `import type { MigrationBuilder } from 'node-pg-migrate';
        export const up = (pgm: MigrationBuilder): void => { pgm.createTable('caps', { id: 'id' }); };`,
      'migrations/3_hats_by_name.sql': '-- no-transaction\nCREATE INDEX CONCURRENTLY hats_id ON hats (id);',
      'migrations/contract/1_no_caps.sql': 'DROP TABLE caps;',
    };
    const { outcomes } = await runAll(rig.migrator, url, files);
    expect(outcomes).toEqual({
      '1_hats': { kind: 'applied', ms: expect.any(Number) },
      '2_caps': { kind: 'applied', ms: expect.any(Number) },
      '3_hats_by_name': { kind: 'applied', ms: expect.any(Number) },
      '1_no_caps': { kind: 'applied', ms: expect.any(Number) },
    });
    expect(await rig.migrator.applied(url, PLACE)).toEqual({
      pgmigrations: ['1_hats', '2_caps', '3_hats_by_name'],
      pgmigrations_contract: ['1_no_caps'],
    });
  });
});
