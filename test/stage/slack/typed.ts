import { BOT, type Workspace } from './workspace.ts';

/** `@ann` and `#shop` become what Slack's own message box makes of them; signs are escaped. `named`: with the name beside the id. */
export function typed(words: string, { users, channels }: Workspace, named = false): string {
  const people = new Map([...users.values()].map(({ id, name }) => [name.toLowerCase(), id]));
  people.set(BOT.name, BOT.user);
  const rooms = new Map(channels.filter(({ kind }) => kind !== 'im').map(({ id, name }) => [name.toLowerCase(), id]));
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return escaped.replace(/(?<![\w/])([@#])([\w-]+)/g, (whole, sign: string, name: string) => {
    const id = (sign === '@' ? people : rooms).get(name.toLowerCase());
    return id === undefined ? whole : `<${sign}${id}${named ? `|${name}` : ''}>`;
  });
}
