/**
 * Plots without a library. `ratios.svg` has a bar for each row and peer on a logarithmic scale, on which a half and a double are equally far from one, with a mark
 * where the target is. Rows with a point become lines over their number, a plot each.
 */
import type { Result } from './run.js';
import { figure } from './table.js';

const FONT = 'font-family="sans-serif" font-size="11"';
/** Readable by those who do not see red and green alike (Okabe and Ito). */
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#555555'];

const escaped = (s: string) => s.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const text = (x: number, y: number, s: string, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(s)}</text>`;

function document(width: number, height: number, body: readonly string[]): string {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${FONT}>`;
  return `${open}\n<rect width="100%" height="100%" fill="white"/>\n${body.join('\n')}\n</svg>\n`;
}

/** From a value to a place, logarithmic; both ends of `domain` above 0. */
const logScale = (domain: readonly [number, number], range: readonly [number, number]) => (v: number) => {
  const [a, b] = domain.map(Math.log);
  const part = b === a ? 0.5 : (Math.log(v) - a) / (b - a);
  return range[0] + Math.min(1, Math.max(0, part)) * (range[1] - range[0]);
};

const LINE = 18;
const NAMES = 300;
const SCALE: readonly [number, number] = [0.02, 16];
const TICKS = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10];

export function ratioPlot(rows: readonly Result[]): string {
  const bars = rows.flatMap((r) => Object.entries(r.ratios).map(([peer, ratio]) => ({ r, peer, ...ratio })));
  const height = 50 + bars.length * LINE;
  const x = logScale(SCALE, [NAMES, 820]);
  const body = [text(10, 16, 'weft divided by its peer; the mark is the target; green keeps it')];
  for (const t of TICKS) {
    const color = t === 1 ? '#888' : '#ddd';
    body.push(
      `<line x1="${x(t)}" x2="${x(t)}" y1="36" y2="${height - 6}" stroke="${color}"/>`,
      text(x(t), 32, String(t), 'text-anchor="middle" fill="#555"'),
    );
  }
  bars.forEach(({ r, peer, ratio, target, met }, i) => {
    const y = 40 + i * LINE;
    const [from, to] = [x(1), x(ratio)].sort((a, b) => a - b);
    const color = met === undefined ? '#56b4e9' : met ? '#009e73' : '#d55e00';
    body.push(text(NAMES - 8, y + 12, `${r.row} / ${peer}`, 'text-anchor="end"'));
    body.push(`<rect x="${from}" y="${y + 3}" width="${Math.max(1, to - from)}" height="11" fill="${color}"/>`);
    if (target !== undefined) {
      body.push(`<line x1="${x(target)}" x2="${x(target)}" y1="${y}" y2="${y + 16}" stroke="black" stroke-width="2"/>`);
    }
    const shown = `${ratio.toFixed(2)}  (${figure(r.figures.weft)} : ${figure(r.figures[peer])} ${r.unit})`;
    body.push(text(830, y + 12, shown, 'fill="#333"'));
  });
  return document(1080, height, body);
}

interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

function linesOf(rows: readonly Result[]): Line[] {
  const byName = new Map<string, [number, number][]>();
  for (const r of rows) {
    for (const [side, value] of Object.entries(r.figures)) {
      if (!r.point) continue;
      const name = r.point.line ? `${r.point.line}, ${side}` : side;
      const points = byName.get(name) ?? [];
      byName.set(name, points);
      points.push([r.point.x, value]);
    }
  }
  return [...byName].map(([name, points]) => ({ name, points: points.sort((a, b) => a[0] - b[0]) }));
}

export function linePlot(title: string, rows: readonly Result[]): string {
  const lines = linesOf(rows);
  const xs = [...new Set(lines.flatMap((l) => l.points.map((p) => p[0])))].sort((a, b) => a - b);
  const top = Math.max(...lines.flatMap((l) => l.points.map((p) => p[1])), 1e-9) * 1.1;
  const x = logScale([Math.max(xs[0], 0.5), Math.max(xs[xs.length - 1], 1)], [70, 560]);
  const y = (v: number) => 320 - (v / top) * 270;
  const body = [text(10, 16, title), text(315, 358, rows[0].point?.axis ?? '', 'text-anchor="middle"')];
  for (let i = 0; i <= 4; i++) {
    const v = (top * i) / 4;
    body.push(`<line x1="70" x2="560" y1="${y(v)}" y2="${y(v)}" stroke="#ddd"/>`);
    body.push(text(64, y(v) + 4, figure(v), 'text-anchor="end" fill="#555"'));
  }
  for (const v of xs) body.push(text(x(v), 336, String(v), 'text-anchor="middle" fill="#555"'));
  lines.forEach(({ name, points }, i) => {
    const color = COLORS[i % COLORS.length];
    const at = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`);
    body.push(`<polyline points="${at.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>`);
    for (const p of at) {
      const [cx, cy] = p.split(',');
      body.push(`<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`);
    }
    body.push(text(575, 60 + i * 18, name, `fill="${color}"`));
  });
  return document(760, 370, body);
}

/** By file name. */
export function plots(rows: readonly Result[]): Map<string, string> {
  const out = new Map<string, string>();
  if (rows.some((r) => Object.keys(r.ratios).length > 0)) out.set('ratios', ratioPlot(rows));
  for (const plot of new Set(rows.flatMap((r) => r.point?.plot ?? []))) {
    const mine = rows.filter((r) => r.point?.plot === plot);
    out.set(plot, linePlot(`${plot}, ${mine[0].unit}`, mine));
  }
  return out;
}
