import { MISS } from '../../flowtable/table-settings.js';
import { TABLE_ALL } from '../messages/flow-mod.js';
import {
  EVICTION_FLAGS,
  TABLE_CONFIG,
  TABLE_REASONS,
  type TableDesc,
  type TableFeatures,
  type TableMod,
  type TableStats,
} from '../messages/table.js';
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

/** Tables one after the other; those that are like the one before are a line, and neighbours of them without a name one line together. */
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
    out += dittos(tables.slice(i + 1, end), ctx);
    if (end - i > 1 && end < tables.length) out += '\n';
    i = end;
  }
  return out;
}

function dittos(tables: readonly Shown[], ctx: TextContext): string {
  let out = '';
  for (let i = 0; i < tables.length; ) {
    let end = i + 1;
    if (!tables[i].name) while (end < tables.length && !tables[end].name) end++;
    const range = `  tables ${tables[i].table}...${tables[end - 1].table}: ditto\n`;
    out += end - i > 1 ? range : heading(tables[i], ctx).replace(/\n$/, ' ditto\n');
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
  const same = (a: Shown, b: Shown) => a.counters === b.counters && sameAbilities(byTable(a.table), byTable(b.table));
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

const onOff = (bit: number): string => (bit ? 'on' : 'off');

function vacancyRange(v: TableMod): string {
  if (!(v.config & TABLE_CONFIG.vacancyEvents)) return '';
  return ` vacancy:${v.vacancy?.down ?? 0},${v.vacancy?.up ?? 0}`;
}

function descText(t: TableDesc, ctx: TextContext): string {
  const flags = Object.entries(EVICTION_FLAGS)
    .filter(([, bit]) => (t.evictionFlags ?? 0) & bit)
    .map(([name]) => name.toUpperCase());
  const on = t.config & TABLE_CONFIG.vacancyEvents;
  const { down, up } = t.vacancy ?? { down: 0, up: 0 };
  const vacancy = on ? ` vacancy_down=${down}% vacancy_up=${up}% vacancy=${t.free}%` : '';
  const eviction = `eviction=${onOff(t.config & TABLE_CONFIG.eviction)} eviction_flags=${flags.join('|')}`;
  return `  table ${tableText(t.table, ctx)}:\n   ${eviction}\n   vacancy=${onOff(on)}${vacancy}\n`;
}

export const tableFormatters: Formatters = {
  table_stats_reply: ({ value, version }, ctx) => `\n${statsText(value, version, ctx)}`,
  table_features_reply: ({ value, version }, ctx) => `\n${featuresText(value, version, ctx)}`,
  table_mod: ({ value: v, version }, ctx) => {
    const table = v.table === TABLE_ALL ? ' table_id: ALL_TABLES' : ` table_id=${tableText(v.table, ctx)}`;
    if (version < 4) return `${table}, flow_miss_config=${MISS[v.config & TABLE_CONFIG.missMask] ?? 'controller'}`;
    if (version < 5) return table;
    // OVS takes a table_mod with eviction flags for one that it cannot make out.
    const eviction = v.evictionFlags === undefined ? onOff(v.config & TABLE_CONFIG.eviction) : '***error***';
    return `${table}, eviction=${eviction}, vacancy=${onOff(v.config & TABLE_CONFIG.vacancyEvents)}${vacancyRange(v)}`;
  },
  table_desc_reply: ({ value }, ctx) => `\n${value.map((t) => descText(t, ctx)).join('\n')}`,
  table_status: ({ value: v }, ctx) => {
    const reason = v.reason === TABLE_REASONS.down ? 'VACANCY_DOWN' : v.reason === TABLE_REASONS.up ? 'VACANCY_UP' : '';
    return ` reason=${reason}\ntable_desc:-\n${descText(v.table, ctx)}`;
  },
};
