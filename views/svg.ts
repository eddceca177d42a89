// A picture as text. Whatever is put in is escaped: nobody's words can end an element or begin one.

export type Svg = { readonly svg: string };

/** An element with these attributes, of which numbers are rounded to what can be seen. */
export function draw(name: string, attributes: Readonly<Record<string, string | number>>, ...inside: Svg[]): Svg {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(shortened(value))}"`);
  return { svg: `<${name}${written.join('')}>${inside.map(({ svg }) => svg).join('')}</${name}>` };
}

export type Look = { size?: number; fill?: string; bold?: boolean; anchor?: 'start' | 'middle' | 'end' };

export function words(
  x: number,
  y: number,
  text: string,
  { size = 13, fill = INK, bold = false, anchor }: Look = {},
): Svg {
  const look = {
    'font-size': size,
    fill,
    ...(bold ? { 'font-weight': 700 } : {}),
    ...(anchor ? { 'text-anchor': anchor } : {}),
  };
  return draw('text', { x, y, ...look }, { svg: escaped(text) });
}

export const box = (x: number, y: number, width: number, height: number, fill: string, more = {}): Svg =>
  draw('rect', { x, y, width: Math.max(0, width), height: Math.max(0, height), fill, ...more });

export const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, more = {}): Svg =>
  draw('line', { x1, y1, x2, y2, stroke, ...more });

/** How wide words are, nearly: Lato's letters are half as wide as they are high. */
export const widthOf = (text: string, size = 13): number => text.length * size * 0.5;

export const INK = '#1d1c1d';
export const PALE = '#5c6670';
export const RULE = '#dfe3e8';

const shortened = (value: string | number): string =>
  typeof value === 'number' ? String(Math.round(value * 100) / 100) : value;

/** XML 1.0 has no characters for control codes, escaped or not. */
function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
