/**
 * Makes what two servers say comparable. UUIDs that a server drew are told apart by what they stand for; sets, rows and messages of one moment are put in order.
 * Where several things are wrong at once it is not fixed which a server names: of such errors only the kind of the sentence counts.
 */
import { isArray, isObject, type Json, sortedJson } from '../../src/ovsdb/json/json.js';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Ours and theirs of the same row. UUIDs of no row that an insert told of are unknown. */
export class UuidMap {
  private readonly known = new Map<string, string>();
  private readonly theirs = new Map<string, string>();
  private n = 0;

  constructor(fixed: readonly string[]) {
    for (const u of [...fixed, '00000000-0000-0000-0000-000000000000']) this.known.set(u, u);
  }

  /** Learns from the replies to the same request. */
  learn(a: Json, b: Json): void {
    const results = (m: Json): readonly Json[] => (isObject(m) && isArray(m.result) ? m.result : []);
    const theirs = results(b);
    results(a).forEach((r, i) => {
      const other = theirs[i];
      if (!isObject(r) || !isArray(r.uuid) || !isObject(other) || !isArray(other.uuid)) return;
      const [x, y] = [String(r.uuid[1]), String(other.uuid[1])];
      if (this.known.has(x) && this.known.has(y)) return;
      const name = `row ${this.n++}`;
      this.known.set(x, name);
      this.known.set(y, name);
      this.theirs.set(x, y);
    });
  }

  /** What we call rows, in their words. */
  translate(s: string): string {
    return s.replace(UUID, (u) => this.theirs.get(u) ?? u);
  }

  text(s: string): string {
    return s.replace(UUID, (u) => this.known.get(u) ?? '?');
  }
}

/** Sentences that name one of several faults; what follows is left out. */
const VAGUE: readonly [RegExp, string][] = [
  [/^(Transaction causes multiple rows in|Deletion of|Weak reference column).*/s, 'a weak reference or an index'],
  [/^(cannot delete \w+ row).*/s, '$1'],
  [/^Table \w+ column \w+ row .* references nonexistent row .*/s, 'dangling'],
  [/^(Parsing .* failed: Member) .*/s, '$1'],
  [/^no table named \w+ in monitor session/, 'not monitored'],
  [/^transaction causes "\w+" table.*/s, 'rows'],
  // Which of a row's columns is looked at first is not fixed.
  [
    /^(Attempted to store|Result of|Division by|expected|set must|map must|set contains|map contains|No column|.* is not a valid UUID|.* (is not|is less|is greater|length).*(valid range|allowed)).*/s,
    'a value',
  ],
  [/^"wait" timed out after \d+ ms/, '"wait" timed out'],
];

function details(text: string): string {
  for (const [pattern, to] of VAGUE) if (pattern.test(text)) return text.replace(pattern, to);
  return text;
}

/** Tags that such errors share. */
const VAGUE_TAGS: ReadonlySet<Json | undefined> = new Set([
  'syntax error',
  'constraint violation',
  'ovsdb error',
  'unknown column',
  'range error',
  'domain error',
]);

function canonicalError(v: { readonly [name: string]: Json | undefined }, map: UuidMap): Json {
  const d = details(map.text(String(v.details)));
  return { error: d === 'a value' && VAGUE_TAGS.has(v.error) ? 'a value' : v.error, details: d };
}

export function canonical(v: Json | undefined, map: UuidMap): Json {
  if (typeof v === 'string') return map.text(v);
  if (isArray(v)) {
    const items = v.map((e) => canonical(e, map));
    if ((v[0] === 'set' || v[0] === 'map') && isArray(v[1]) && v.length === 2) {
      const members = items[1];
      return [items[0], isArray(members) ? sorted(members) : members];
    }
    return items;
  }
  if (!isObject(v)) return v ?? null;
  if (typeof v.error === 'string' && 'details' in v) return canonicalError(v, map);
  const out: Record<string, Json> = {};
  for (const [name, value] of Object.entries(v)) {
    const c = canonical(value, map);
    out[map.text(name)] = name === 'rows' && isArray(c) ? sorted(c) : c;
  }
  return out;
}

function sorted(items: readonly Json[]): Json[] {
  return items
    .map((e) => [sortedJson(e), e] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, e]) => e);
}

/** A message without what differs by nature: the identity of the last transaction, an empty "result" or "error". */
function message(m: Json, map: UuidMap): Json {
  const c = canonical(m, map);
  if (!isObject(c)) return c;
  const out: Record<string, Json | undefined> = { ...c };
  if (out.result === null) delete out.result;
  if (out.error === null) delete out.error;
  // A refused monitor may have several faults, of which it is not fixed which is told.
  if (isObject(out.error)) out.error = 'refused';
  const last = (params: Json | undefined, n: number): Json | undefined =>
    isArray(params) && params.length === 3 && typeof params[1] === 'string' ? params.toSpliced(1, n, 'last') : params;
  if (out.method === 'update3') out.params = last(out.params, 1);
  if (isArray(out.result) && typeof out.result[0] === 'boolean') out.result = last(out.result, 1);
  return out;
}

/**
 * ovsdb-server tells a modification without columns when only a column changed that a condition names and nobody monitors. It says nothing; we do not say it.
 */
function saysNothing(m: Json): boolean {
  return (
    isObject(m) && isArray(m.params) && isObject(m.params.at(-1)) && Object.keys(m.params.at(-1) ?? {}).length === 0
  );
}

function withoutEmpty(m: Json): Json {
  if (!isObject(m) || !isArray(m.params) || (m.method !== 'update2' && m.method !== 'update3')) return m;
  const tables = m.params.at(-1);
  const out: Record<string, Json> = {};
  for (const [name, rows] of Object.entries(isObject(tables) ? tables : {})) {
    const full = Object.entries(isObject(rows) ? rows : {}).filter(
      ([, r]) => sortedJson(r ?? null) !== '{"modify":{}}',
    );
    if (full.length > 0) out[name] = Object.fromEntries(full);
  }
  return { ...m, params: [...m.params.slice(0, -1), out] };
}

/** All messages of one connection and one moment, in an order of their own. */
export function canonicalMessages(messages: readonly Json[], map: UuidMap): string[] {
  return messages
    .map((m) => withoutEmpty(message(m, map)))
    .filter((m) => !saysNothing(m))
    .map((m) => sortedJson(m))
    .sort();
}
