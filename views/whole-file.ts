import type { ModalView } from '@slack/types';
import { type Deploy, migrationsOf } from '../src/domain/deploy.ts';
import { asOf } from '../src/domain/readings.ts';
import { section } from './blocks.ts';
import { fileLink, statementWords } from './migrations.ts';
import { codeBlock, inert, literal } from './text.ts';

/** Slack draws 100 blocks in a form, of 3,000 characters each. */
const BLOCKS = 95;
const CHARACTERS = 2_800;
const LINE = 500;

/** A migration from its first statement to its last, as it was at that fact; null when there was no such file. */
export function wholeFile(deploy: Deploy, seq: number, index: number): ModalView | null {
  const file = migrationsOf(asOf(deploy, seq))?.files[index];
  if (!file) return null;
  const blocks = file.statements.flatMap(statement => [
    ...chunksOf(statement.sql).map(chunk => section(codeBlock(chunk, CHARACTERS))),
    section(...statementWords(statement)),
  ]);
  const rest = blocks.length > BLOCKS ? [section(`The rest does not fit here: ${fileLink(file, deploy.plan)}`)] : [];
  return {
    type: 'modal',
    title: { type: 'plain_text', text: literal(file.file.slice(file.file.lastIndexOf('/') + 1), 24) || 'Migration' },
    close: { type: 'plain_text', text: 'Back' },
    blocks: [section(`*${fileLink(file, deploy.plan)}*`), ...blocks.slice(0, BLOCKS), ...rest],
  };
}

/** Pieces that fit into a block even when every character of them must be escaped in Slack's way. */
function chunksOf(sql: string): string[] {
  const lines = sql.split('\n').flatMap(line => line.match(new RegExp(`.{1,${LINE}}`, 'gsu')) ?? ['']);
  const chunks: string[][] = [[]];
  let left = CHARACTERS;
  for (const line of lines) {
    const length = inert(line).length + 1;
    if (length > left) {
      chunks.push([]);
      left = CHARACTERS;
    }
    left -= length;
    chunks.at(-1)?.push(line);
  }
  return chunks.filter(chunk => chunk.length > 0).map(chunk => chunk.join('\n'));
}
