import { TABLE_ALL } from '../messages/flow-mod.js';
import type { TableFeatures, TableStats } from '../messages/table.js';
import { type Formatters, type TextContext, tableText } from './context.js';
import { featureText, sameAbilities, sameFeatures, statsFeatureText } from './table-features.js';

/** What is shown of one table, whether from statistics or from features. */
interface Shown {
  readonly table: number;
  readonly name: string;
  /** Line of counters, if any. */
  readonly counters: string;
  readonly features: TableFeatures | undefined;
  /** Text of features without comparing to the table before. */
  readonly body: (previous: TableFeatures | undefined) => string;
}

function heading(t: Shown, ctx: TextContext): string {
  const name = t.name && t.name !== tableText(t.table, ctx) ? ` ("${t.name}")` : '';
  return `  table ${tableText(t.table, ctx)}${name}:\n`;
}

/** Tables one after the other; a run that is like the table before it is one line. */
function list(tables: readonly Shown[], same: (a: Shown, b: Shown) => boolean, ctx: TextContext): string {
  let out = '';
  let previous: Shown | undefined;
  for (let i = 0; i < tables.length; ) {
    const t = tables[i];
    out += heading(t, ctx) + t.counters + t.body(previous?.features);
    out += '\n';
    previous = t;
    let end = i + 1;
    while (end < tables.length && same(t, tables[end])) end++;
    if (end - i === 2) out += `  table ${tables[i + 1].table}: ditto\n`;
    else if (end - i > 2) out += `  tables ${tables[i + 1].table}...${tables[end - 1].table}: ditto\n`;
    if (end - i > 1 && end < tables.length) out += '\n';
    i = end;
  }
  return out;
}

function statsText(stats: readonly TableStats[], version: number, ctx: TextContext): string {
  const shown = stats.map(
    (t, i): Shown => ({
      table: t.table,
      name: t.name,
      counters: `    active=${t.active}, lookup=${t.lookups}, matched=${t.matched}\n`,
      features: undefined,
      body: () => statsFeatureText(t, i === 0 ? undefined : stats[i - 1], version),
    }),
  );
  const byTable = (id: number) => stats.find((t) => t.table === id) ?? stats[0];
  const same = (a: Shown, b: Shown) =>
    a.counters === b.counters && a.name === b.name && sameAbilities(byTable(a.table), byTable(b.table));
  // Nothing follows the last table here, not even an empty line.
  return list(shown, same, ctx).replace(/\n\n$/, '\n');
}

export function featuresText(all: readonly TableFeatures[], version: number, ctx: TextContext): string {
  const shown = all.map(
    (t): Shown => ({
      table: t.table,
      name: t.name,
      counters: '',
      features: t,
      body: (previous) => featureText(t, previous, version),
    }),
  );
  const same = (a: Shown, b: Shown) => !!a.features && !!b.features && sameFeatures(a.features, b.features);
  return list(shown, same, ctx);
}

export const tableFormatters: Formatters = {
  table_stats_reply: ({ value, version }, ctx) => `\n${statsText(value, version, ctx)}`,
  table_features_reply: ({ value, version }, ctx) => `\n${featuresText(value, version, ctx)}`,
  table_mod: ({ value }, ctx) => {
    const table = value.table === TABLE_ALL ? 'ALL_TABLES' : tableText(value.table, ctx);
    return ` table_id=${table}`;
  },
};
