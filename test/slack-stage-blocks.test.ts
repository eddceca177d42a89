import { describe, expect, it } from 'vitest';
import type { Block } from './stage/slack/blocks.ts';
import { validateBlocks } from './stage/slack/blocks.ts';
import { plainWords } from './stage/slack/plain.ts';

const mrkdwn = (length: number) => ({ type: 'mrkdwn', text: 'x'.repeat(length) });
const plain = (length: number) => ({ type: 'plain_text', text: 'x'.repeat(length) });
const section = { type: 'section', text: mrkdwn(3000) };
const button = { type: 'button', action_id: 'go', text: plain(75), value: 'x'.repeat(2000) };
const actions = (...elements: object[]) => ({ type: 'actions', elements });
const confirm = { title: plain(100), text: mrkdwn(300), confirm: plain(30), deny: plain(30) };
const card = { type: 'task_card', task_id: 'a', title: 'Build', status: 'pending' };
const rich = {
  type: 'rich_text',
  elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'hat' }] }],
};
const input = { type: 'input', label: plain(10), element: { type: 'plain_text_input' } };

describe('blocks that Slack takes', () => {
  it.each<[string, object[]]>([
    ['the longest section', [section]],
    ['ten fields', [{ type: 'section', fields: Array.from({ length: 10 }, () => mrkdwn(2000)) }]],
    ['a button with every text at its longest', [actions({ ...button, confirm, style: 'danger' })]],
    ['25 buttons', [actions(...Array.from({ length: 25 }, (_, i) => ({ ...button, action_id: `b${i}` })))]],
    ['a header', [{ type: 'header', text: plain(150) }]],
    ['a plan with every status', [plan('pending', 'in_progress', 'complete', 'error')]],
    ['50 blocks', Array.from({ length: 50 }, () => ({ type: 'divider' }))],
    ['an image', [{ type: 'image', image_url: 'https://example.com/a.png', alt_text: 'A hat' }]],
    ['two charts', [chart(), chart('pie')]],
    ['a table', [{ type: 'table', rows: [[{ type: 'raw_text', text: 'a' }, rich]] }]],
  ])('%s', (_, blocks) => {
    expect(validateBlocks(blocks, 'message')).toEqual([]);
  });
});

describe('blocks that Slack refuses', () => {
  it.each<[string, object[], string]>([
    ['an unknown type', [{ type: 'sction' }], 'unsupported type: sction [json-pointer:/blocks/0/type]'],
    ['a property that there is not', [{ ...section, txt: '' }], 'invalid additional property: txt'],
    ['a section of 3001 characters', [{ type: 'section', text: mrkdwn(3001) }], 'must be less than 3001 characters'],
    ['a section without words', [{ type: 'section' }], 'missing required field: text or fields'],
    ['an empty text', [{ type: 'section', text: mrkdwn(0) }], 'must be more than 0 characters'],
    ['a text of no type', [{ type: 'section', text: { text: 'x' } }], 'json-pointer:/blocks/0/text/type'],
    ['11 fields', [{ type: 'section', fields: Array.from({ length: 11 }, () => mrkdwn(1)) }], 'no more than 10 items'],
    ['a field of 2001', [{ type: 'section', fields: [mrkdwn(2001)] }], 'must be less than 2001 characters'],
    ['a header of 151', [{ type: 'header', text: plain(151) }], 'must be less than 151 characters'],
    ['a header in mrkdwn', [{ type: 'header', text: mrkdwn(1) }], 'json-pointer:/blocks/0/text/type'],
    ['a button of 76', [actions({ ...button, text: plain(76) })], 'must be less than 76 characters'],
    ['a value of 2001', [actions({ ...button, value: 'x'.repeat(2001) })], 'must be less than 2001 characters'],
    [
      'a style that there is not',
      [actions({ ...button, style: 'warning' })],
      'json-pointer:/blocks/0/elements/0/style',
    ],
    ['an action id of 256', [actions({ ...button, action_id: 'x'.repeat(256) })], 'must be less than 256'],
    ['a label for screen readers of 76', [actions({ ...button, accessibility_label: 'x'.repeat(76) })], '76'],
    ['a question of 301', [actions({ ...button, confirm: { ...confirm, text: mrkdwn(301) } })], '301'],
    ['a question titled with 101', [actions({ ...button, confirm: { ...confirm, title: plain(101) } })], '101'],
    ['a question answered with 31', [actions({ ...button, confirm: { ...confirm, deny: plain(31) } })], '31'],
    ['a question without a way out', [actions({ ...button, confirm: { ...confirm, deny: undefined } })], 'field: deny'],
    ['26 buttons', [actions(...Array.from({ length: 26 }, (_, i) => ({ ...button, action_id: `${i}` })))], '25 items'],
    ['no buttons', [actions()], 'no fewer than 1 items'],
    ['two buttons of one name', [actions(button), actions(button)], 'action_id "go" already exists'],
    [
      'two blocks of one name',
      [
        { type: 'divider', block_id: 'a' },
        { type: 'divider', block_id: 'a' },
      ],
      'block_id "a"',
    ],
    [
      '11 things in a context',
      [{ type: 'context', elements: Array.from({ length: 11 }, () => mrkdwn(1)) }],
      '10 items',
    ],
    ['51 blocks', Array.from({ length: 51 }, () => ({ type: 'divider' })), 'no more than 50 items allowed'],
    ['an image that nobody can hear', [{ type: 'image', image_url: 'https://example.com/a.png' }], 'field: alt_text'],
    ['a task that is “completed”', [plan('completed')], 'json-pointer:/blocks/0/tasks/0/status'],
    ['details in mrkdwn', [{ ...card, details: mrkdwn(3) }], 'json-pointer:/blocks/0/details/type'],
    ['two tasks of one name', [{ type: 'plan', title: 'A', tasks: [card, card] }], 'task_id "a" already exists'],
    ['a plan beside a card', [plan('pending'), { ...card, task_id: 'z' }], 'cannot be mixed'],
    ['two tables', [table(), table()], 'only one table'],
    ['three charts', [chart(), chart(), chart('pie')], 'only two data_visualization'],
    ['a chart of 21 points', [chart('line', 21)], 'no more than 20 items'],
    ['a chart without a title', [{ ...chart(), title: undefined }], 'missing required field: title'],
    ['a chart without categories', [chartWith({ axis_config: undefined })], 'missing required field: axis_config'],
    [
      'a chart of other points than its categories',
      [chartWith({ axis_config: { categories: ['0', 'x'] } })],
      'must match',
    ],
    ['two lines of one name', [chartWith({ series: [line(20), line(20)] })], 'must be unique'],
    ['a line with a long name', [chartWith({ series: [{ ...line(20), name: 'x'.repeat(21) }] })], 'less than 21'],
    ['a table of 101 rows', [table(101)], 'no more than 100 items'],
    ['markdown of 12,001 in all', [markdown(12_000), markdown(1)], 'must be less than 12001'],
  ])('%s', (_, blocks, problem) => {
    const problems = validateBlocks(blocks, 'message');
    expect(problems.join('\n')).toContain(problem);
    expect(problems.every(one => one.startsWith('[ERROR] '))).toBe(true);
  });

  it('what is no list at all', () => {
    expect(validateBlocks('[]', 'message')).toHaveLength(1);
  });

  it('every one of several problems', () => {
    expect(validateBlocks([{ type: 'section' }, { type: 'header', text: plain(151) }], 'message')).toHaveLength(2);
  });

  it('in forms and on Home, what only messages show; but 100 blocks', () => {
    for (const surface of ['modal', 'home'] as const) {
      expect(validateBlocks([plan('pending')], surface).join()).toContain('unsupported type: plan');
      expect(
        validateBlocks(
          Array.from({ length: 100 }, () => ({ type: 'divider' })),
          surface,
        ),
      ).toEqual([]);
      expect(
        validateBlocks(
          Array.from({ length: 101 }, () => ({ type: 'divider' })),
          surface,
        ),
      ).toHaveLength(1);
      expect(validateBlocks([input], surface)).toEqual([]);
    }
  });
});

describe('what is read', () => {
  const names = (id: string) => ({ U1: 'ann', C1: 'deploys' })[id] ?? id;
  const read = (...blocks: Block[]) => plainWords({ text: 'never shown', blocks }, names);

  it('is the text when there are no blocks: mentions by name, broadcasts, links, times and signs', () => {
    const text = '<@U1> in <#C1>: <!channel> &lt;!here&gt; <https://a.b|hat> at <!date^1795411188^{time_secs}|later>';
    expect(plainWords({ text, blocks: [] }, names)).toBe('@ann in #deploys: @channel <!here> hat at 05:19:48');
  });

  it('is each card of a plan with its state, and each button', () => {
    const date = { type: 'date', timestamp: 1795411188, format: '{time}', fallback: 'then' } as const;
    const text = { type: 'text', text: 'since ' } as const;
    expect(
      read(
        {
          type: 'plan',
          title: 'Deploy of shop',
          tasks: [
            { type: 'task_card', task_id: '1', title: 'Build', status: 'complete' },
            {
              type: 'task_card',
              task_id: '2',
              title: 'Release',
              status: 'in_progress',
              details: { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [text, date] }] },
            },
          ],
        },
        { type: 'actions', elements: [{ type: 'button', text: { type: 'plain_text', text: 'Roll back' } }] },
      ),
    ).toBe('Deploy of shop\n  ● Build\n  ◐ Release - since 05:19\n[Roll back]');
  });

  it('shows signs in plain text as they are', () => {
    expect(read({ type: 'header', text: { type: 'plain_text', text: '<!channel> &amp;' } })).toBe('<!channel> &amp;');
  });
});

function plan(...statuses: string[]) {
  const tasks = statuses.map((status, index) => ({ ...card, task_id: `t${index}`, status, details: rich }));
  return { type: 'plan', title: 'Deploy', tasks };
}

function chart(type: 'line' | 'pie' = 'line', count = 20) {
  const data = Array.from({ length: count }, (_, i) => ({ label: `${i}`, value: i }));
  const axis_config = { categories: data.map(({ label }) => label) };
  const drawn =
    type === 'pie' ? { type, segments: data.slice(0, 6) } : { type, series: [{ name: 'v5', data }], axis_config };
  return { type: 'data_visualization', title: 'Requests', chart: drawn };
}

const line = (count: number) => ({
  name: 'v5',
  data: Array.from({ length: count }, (_, i) => ({ label: `${i}`, value: i })),
});
const chartWith = (more: object) => ({ ...chart(), chart: { ...chart().chart, ...more } });

function table(rows = 1) {
  return { type: 'table', rows: Array.from({ length: rows }, () => [{ type: 'raw_text', text: 'a' }]) };
}

function markdown(length: number) {
  return { type: 'markdown', text: 'x'.repeat(length) };
}
