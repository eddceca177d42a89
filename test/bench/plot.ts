/** Times in s and ms. `reference`: a level to compare the curve with. */
export type Curve = {
  name: string;
  points: readonly { x: number; y: number }[];
  reference: { name: string; y: number };
};

const [WIDTH, HEIGHT] = [960, 420];
const FRAME = { left: 70, right: 940, top: 50, bottom: 370 };
const COLOURS = ['#2563eb', '#dc2626'];
/** Ms at the lower and the upper edge. */
const [LEAST, MOST] = [1, 100_000];

/** How long each request took, by when it was sent, as SVG: seconds to the right, milliseconds upwards, by powers of ten. */
export function plot(curves: readonly Curve[]): string {
  const end = Math.max(1, ...curves.flatMap(({ points }) => points.map(({ x }) => x)));
  const x = (seconds: number): string => (FRAME.left + (seconds / end) * (FRAME.right - FRAME.left)).toFixed(1);
  const y = (ms: number): string => {
    const share = Math.log10(Math.min(MOST, Math.max(LEAST, ms)) / LEAST) / Math.log10(MOST / LEAST);
    return (FRAME.bottom - share * (FRAME.bottom - FRAME.top)).toFixed(1);
  };
  const text = (at: { x: string | number; y: string | number }, words: string, more = ''): string =>
    `<text x="${at.x}" y="${at.y}" ${more}>${escaped(words)}</text>`;
  const across = (at: string, look: string): string =>
    `<line x1="${FRAME.left}" x2="${FRAME.right}" y1="${at}" y2="${at}" ${look}/>`;
  const levels = [1, 10, 100, 1_000, 10_000, 100_000].flatMap(ms => [
    across(y(ms), 'stroke="#e5e7eb"'),
    text({ x: FRAME.left - 8, y: Number(y(ms)) + 4 }, ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`, 'text-anchor="end"'),
  ]);
  const step = Math.max(1, Math.ceil(end / 10 / 10)) * 10;
  const seconds = Array.from({ length: Math.floor(end / step) + 1 }, (_, i) =>
    text({ x: x(i * step), y: FRAME.bottom + 20 }, `${i * step} s`, 'text-anchor="middle"'),
  );
  const drawn = curves.flatMap(({ name, points, reference }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const longest = points.reduce((most, point) => (point.y > most.y ? point : most), points[0] ?? { x: 0, y: 0 });
    const path = points.map(point => `${x(point.x)},${y(point.y)}`).join(' ');
    const label = `${name}: longest ${(longest.y / 1_000).toFixed(2)} s (${reference.name})`;
    return [
      across(y(reference.y), `stroke="${colour}" stroke-dasharray="4 4" opacity="0.5"`),
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
      `<circle cx="${x(longest.x)}" cy="${y(longest.y)}" r="4" fill="${colour}"/>`,
      text({ x: FRAME.left, y: 20 + i * 18 }, label, `fill="${colour}" font-weight="bold"`),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#374151">`,
    '<title>How long each request took, by when it was sent</title>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...levels,
    ...seconds,
    ...drawn,
    text({ x: FRAME.right, y: HEIGHT - 8 }, 'when the request was sent; dashed: what he measured', 'text-anchor="end"'),
    '</svg>\n',
  ].join('\n');
}

const escaped = (words: string): string => words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
