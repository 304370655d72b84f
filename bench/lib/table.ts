/** Results as people read them: a line a row and peer. */
import { OURS } from './row.js';
import { met, type Result } from './run.js';

/** Three significant digits, without an exponent. */
export function figure(x: number | undefined): string {
  if (x === undefined || !Number.isFinite(x)) return '-';
  if (x === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x))));
  return x.toFixed(Math.min(digits, 6));
}

const HEAD = ['row', 'unit', OURS, 'peer', 'its figure', 'ratio', 'target', ''] as const;
const LEFT = new Set([0, 1, 3, 7]);
const WIDTHS = [30, 12, 9, 12, 10, 6, 7, 0];

function line(cells: readonly string[]): string {
  return cells
    .map((c, i) => (LEFT.has(i) ? c.padEnd(WIDTHS[i]) : c.padStart(WIDTHS[i])))
    .join('  ')
    .trimEnd();
}

export const header = (): string => line(HEAD);

export function lines(r: Result): string[] {
  const ours = figure(r.figures[OURS]);
  const out: string[] = [];
  const sign = r.better === 'higher' ? '>=' : '<=';
  const first = () => (out.length === 0 ? [r.row, r.unit, ours] : ['', '', '']);
  if (r.goal !== undefined && OURS in r.figures) {
    const verdict = met(r.figures[OURS], r.goal, r.better) ? 'ok' : 'short';
    out.push(line([...first(), '', '', '', `${sign} ${r.goal}`, verdict]));
  }
  for (const [peer, { ratio, target, met: kept }] of Object.entries(r.ratios)) {
    const wanted = target === undefined ? '' : `${sign} ${target}`;
    const verdict = kept === undefined ? '' : kept ? 'ok' : 'short';
    out.push(line([...first(), peer, figure(r.figures[peer]), ratio.toFixed(2), wanted, verdict]));
  }
  for (const [side, value] of Object.entries(r.figures)) {
    if (side !== OURS && !(side in r.ratios)) out.push(line([...first(), side, figure(value), '-']));
  }
  if (out.length === 0) out.push(line(first()));
  for (const [side, why] of Object.entries(r.missing)) out.push(`  not measured, ${side}: ${why}`);
  return out;
}
