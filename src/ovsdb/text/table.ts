/** Tables of results in the formats of ovs-vsctl(8): aligned text, a list of columns, CSV (RFC 4180), HTML and JSON. */
import { formatJson, isArray, isObject, type Json, sortedJson } from '../json/json.js';
import { datumToJson } from '../value/datum.js';
import type { ColumnType, Datum } from '../value/type.js';
import { type CellStyle, cellText } from './print.js';

export const FORMATS = ['table', 'list', 'csv', 'html', 'json'] as const;
export type TableFormat = (typeof FORMATS)[number];

export interface TableStyle {
  format: TableFormat;
  cells: CellStyle;
  headings: boolean;
  /** JSON with a line an element. */
  pretty: boolean;
  /** Of the format "table"; 0: as wide as it is. */
  maxWidth: number;
}

export const LIST_STYLE: TableStyle = { format: 'list', cells: 'string', headings: true, pretty: false, maxWidth: 0 };

/** A cell is plain text or a value with its type. */
export type Cell = string | { readonly datum: Datum; readonly type: ColumnType };

export interface ResultTable {
  readonly caption?: string;
  readonly headings: readonly string[];
  /** The last cells of a row may be missing. */
  readonly rows: readonly (readonly Cell[])[];
}

function textOf(cell: Cell, style: TableStyle): string {
  return typeof cell === 'string' ? cell : cellText(cell.datum, cell.type, style.cells);
}

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const html = (s: string): string => s.replace(/[&<>"]/g, (c) => HTML[c]);
const csv = (s: string): string => (/[",\n\r]/.test(s) ? `"${s.replace(/"/g, '""')}"` : s);

/** As OVS writes JSON for people: closing brackets stay on the last element's line. */
export function prettyJson(v: Json, depth = 0): string {
  const pad = '  '.repeat(depth + 1);
  if (isArray(v)) {
    if (v.length === 0) return '[]';
    return `[\n${v.map((e) => pad + prettyJson(e, depth + 1)).join(',\n')}]`;
  }
  if (isObject(v)) {
    const names = Object.keys(v)
      .filter((n) => v[n] !== undefined)
      .sort();
    if (names.length === 0) return '{}';
    return `{\n${names.map((n) => `${pad}${JSON.stringify(n)}: ${prettyJson(v[n] ?? null, depth + 1)}`).join(',\n')}}`;
  }
  return formatJson(v);
}

const WRITERS: Readonly<Record<TableFormat, (t: ResultTable, style: TableStyle) => string>> = {
  table(t, style) {
    const rows = t.rows.map((r) => r.map((c) => textOf(c, style)));
    const widths = t.headings.map((h, i) => {
      const cells = Math.max(0, ...rows.map((r) => r[i]?.length ?? 0));
      const cut = style.maxWidth > 0 ? Math.min(cells, style.maxWidth) : cells;
      return Math.max(cut, style.headings ? h.length : 0);
    });
    const line = (cells: readonly string[]): string =>
      `${cells
        .map((c, i) => (i + 1 < cells.length ? c.slice(0, widths[i]).padEnd(widths[i]) : c.slice(0, widths[i])))
        .join(' ')}\n`;
    const head = style.headings ? line(t.headings) + line(widths.map((w) => '-'.repeat(w))) : '';
    return (t.caption === undefined ? '' : `${t.caption}\n`) + head + rows.map(line).join('');
  },
  list(t, style) {
    const records = t.rows.map((r) =>
      r.map((c, i) => `${style.headings ? `${t.headings[i].padEnd(20)}: ` : ''}${textOf(c, style)}\n`).join(''),
    );
    return (t.caption === undefined ? '' : `${t.caption}\n`) + records.join('\n');
  },
  csv(t, style) {
    const line = (cells: readonly string[]): string => `${cells.map(csv).join(',')}\n`;
    const head = style.headings ? line(t.headings) : '';
    return (
      (t.caption === undefined ? '' : `${t.caption}\n`) +
      head +
      t.rows.map((r) => line(r.map((c) => textOf(c, style)))).join('')
    );
  },
  html(t, style) {
    const line = (tag: string, cells: readonly string[]): string =>
      `  <tr>\n${cells.map((c) => `    <${tag}>${html(c)}</${tag}>\n`).join('')}  </tr>\n`;
    const caption = t.caption === undefined ? '' : `    <caption>${html(t.caption)}</caption>\n`;
    const head = style.headings ? line('th', t.headings) : '';
    const body = t.rows
      .map((r) =>
        line(
          'td',
          r.map((c) => textOf(c, style)),
        ),
      )
      .join('');
    return `<table border=1>\n${caption}${head}${body}</table>\n`;
  },
  json(t, style) {
    const cell = (c: Cell): Json => (typeof c === 'string' ? c : datumToJson(c.datum, c.type));
    const v: Json = { caption: t.caption, headings: t.headings, data: t.rows.map((r) => r.map(cell)) };
    return `${style.pretty ? prettyJson(v) : sortedJson(v)}\n`;
  },
};

/** Ends with a line feed, unless there is nothing to print. */
export function formatTable(table: ResultTable, style: TableStyle): string {
  return WRITERS[style.format](table, style);
}
