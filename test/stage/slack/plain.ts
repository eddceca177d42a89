import type { Block } from './blocks.ts';
import { chartWords } from './chart.ts';
import type { RichElement, RichText } from './elements.ts';

/** Names by id, as the reader's client knows them. */
export type Names = (id: string) => string;

const TASK = { pending: '○', in_progress: '◐', complete: '●', error: '✗' } as const;

/** A message as a person reads it, without looks: mentions by name, times in UTC, buttons in brackets. */
export function plainWords({ text, blocks }: { text: string; blocks: Block[] }, names: Names): string {
  if (blocks.length === 0) return plainMrkdwn(text, names);
  return blocks
    .map(block => plainBlock(block, names))
    .filter(Boolean)
    .join('\n');
}

function plainBlock(block: Block, names: Names): string {
  const words = (text: { type: string; text: string }): string =>
    text.type === 'mrkdwn' ? plainMrkdwn(text.text, names) : text.text;
  switch (block.type) {
    case 'section': {
      const beside = block.accessory ? [elementWords(block.accessory)] : [];
      return [...(block.text ? [words(block.text)] : []), ...(block.fields ?? []).map(words), ...beside].join('\n');
    }
    case 'actions':
      return block.elements.map(elementWords).join(' ');
    case 'header':
      return block.text.text;
    case 'context':
      return block.elements.map(element => (element.type === 'image' ? element.alt_text : words(element))).join(' ');
    case 'divider':
      return '---';
    case 'image':
      return `(${block.alt_text})`;
    case 'input':
      return `${block.label.text}: ____`;
    case 'markdown':
      return block.text;
    case 'rich_text':
      return richWords(block, names);
    case 'task_card':
      return taskWords(block, names);
    case 'plan':
      return [block.title, ...(block.tasks ?? []).map(task => `  ${taskWords(task, names)}`)].join('\n');
    case 'data_visualization':
      return chartWords(block);
    case 'table':
      return block.rows
        .map(row =>
          row
            .map(cell =>
              cell.type === 'rich_text'
                ? richWords(cell, names)
                : cell.type === 'raw_number'
                  ? (cell.text ?? String(cell.value))
                  : cell.text,
            )
            .join(' | '),
        )
        .join('\n');
    default:
      return block satisfies never;
  }
}

function elementWords(element: { type: string; text?: { text: string }; alt_text?: string }): string {
  return element.text ? `[${element.text.text}]` : element.alt_text ? `(${element.alt_text})` : `[${element.type}]`;
}

type TaskCard = Extract<Block, { type: 'task_card' }>;

function taskWords({ title, status, details, output }: TaskCard, names: Names): string {
  const said = [details, output].filter(part => part !== undefined).map(part => richWords(part, names));
  return [`${TASK[status]} ${title}`, ...said].join(' - ');
}

function richWords({ elements }: RichText, names: Names): string {
  return elements
    .map(part => {
      if (part.type === 'rich_text_list') {
        return part.elements.map(item => `- ${item.elements.map(one => richWord(one, names)).join('')}`).join('\n');
      }
      return part.elements.map(one => richWord(one, names)).join('');
    })
    .join('\n');
}

function richWord(element: RichElement, names: Names): string {
  switch (element.type) {
    case 'text':
      return element.text;
    case 'link':
      return element.text ?? element.url;
    case 'user':
      return `@${names(element.user_id)}`;
    case 'channel':
      return `#${names(element.channel_id)}`;
    case 'emoji':
      return `:${element.name}:`;
    case 'broadcast':
      return `@${element.range}`;
    case 'date':
      return dateWords(element.timestamp, element.format, element.fallback ?? '');
    default:
      return element satisfies never;
  }
}

/** What Slack makes of mrkdwn: `<@U…>` a mention, `<!channel>` one of everybody, `<!date^…>` a time, `&lt;` a sign. */
export function plainMrkdwn(text: string, names: Names): string {
  return text
    .replace(/<([^<>]+)>/g, (_, inner: string) => {
      const [target = '', label] = inner.split('|');
      if (target.startsWith('@')) return `@${names(target.slice(1))}`;
      if (target.startsWith('#')) return `#${names(target.slice(1))}`;
      if (!target.startsWith('!')) return label ?? target;
      const [kind = '', seconds = '', format = ''] = target.slice(1).split('^');
      return kind === 'date' ? dateWords(Number(seconds), format, label ?? '') : `@${kind}`;
    })
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

const TOKENS: Record<string, Intl.DateTimeFormatOptions> = {
  date: { dateStyle: 'long' },
  date_num: { year: 'numeric', month: '2-digit', day: '2-digit' },
  date_short: { dateStyle: 'medium' },
  date_short_pretty: { dateStyle: 'medium' },
  date_pretty: { dateStyle: 'long' },
  date_long: { dateStyle: 'full' },
  date_long_pretty: { dateStyle: 'full' },
  time: { hour: '2-digit', minute: '2-digit' },
  time_secs: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
};

/** The reader sits in Greenwich. What Slack cannot read, it shows as the fallback. */
function dateWords(seconds: number, format: string, fallback: string): string {
  if (!Number.isInteger(seconds) || !/\{\w+\}/.test(format)) return fallback;
  const at = new Date(seconds * 1000);
  return format.replace(/\{(\w+)\}/g, (whole, token: string) => {
    const asked = TOKENS[token];
    return asked ? at.toLocaleString('en-GB', { ...asked, timeZone: 'UTC' }) : whole;
  });
}
