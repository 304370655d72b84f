/**
 * Figures of the look-up engine: node --expose-gc dist/bench/classifier.js. Each line is one figure with its unit.
 * Look-ups cycle over 1,024 keys made before, half hits, and fill a mask as the pipeline does.
 */
import { KEY_WORDS, newKey, setU, words } from '../src/flow/key.js';
import { Match } from '../src/flow/match.js';
import type { FlowMod } from '../src/flowtable/flow-mod.js';
import { FlowTables } from '../src/flowtable/tables.js';
import { VirtualClock } from '../src/lib/clock.js';
import { Random } from '../src/lib/random.js';
import { K } from '../src/packet/key.js';

const ANY = 0xffffffff;
const base: Omit<FlowMod, 'match' | 'priority' | 'actions'> = {
  command: 'add',
  table: 0,
  cookie: 0n,
  cookieFilter: 0n,
  cookieMask: 0n,
  modifyCookie: false,
  idleTimeout: 0,
  hardTimeout: 0,
  flags: 0,
  importance: 0,
  outPort: ANY,
  outGroup: ANY,
};

/** Seconds that `fn` takes. */
function time(fn: () => void): number {
  const from = process.hrtime.bigint();
  fn();
  return Number(process.hrtime.bigint() - from) / 1e9;
}

/** Writes the match of rule number `i` of a set of `shapes` masks: IPv4 flows with prefixes of differing lengths, protocol and port. */
function writeMatch(match: Match, i: number, shapes: number, r: Random): void {
  const shape = i % shapes;
  match.mask.fill(0);
  match.value.fill(0);
  const set = (slot: (typeof K)[keyof typeof K], value: number, mask: number) => {
    setU(match.mask, slot, mask);
    setU(match.value, slot, (value & mask) >>> 0);
  };
  const prefix = (n: number) => (n === 0 ? 0 : (ANY << (32 - n)) >>> 0);
  set(K.ethType, 0x0800, 0xffff);
  set(K.nwDst, r.u32(), prefix(32 - (shape % 16)));
  if (shape >= 16) set(K.nwSrc, r.u32(), prefix(24 - (Math.floor(shape / 16) % 8)));
  if (shape % 2 === 1) {
    set(K.nwProto, 6, 0xff);
    set(K.tpDst, r.u32() & 0xffff, 0xffff);
  }
}

function makeMod(match: Match, i: number, shapes: number): FlowMod {
  return { ...base, match, priority: 1 + ((i % shapes) % 7), actions: [{ type: 'output', port: i & 15, maxLen: 0 }] };
}

function makeMods(count: number, shapes: number, r: Random): FlowMod[] {
  return Array.from({ length: count }, (_, i) => {
    const match = new Match();
    writeMatch(match, i, shapes, r);
    return makeMod(match, i, shapes);
  });
}

function makeKeys(mods: readonly FlowMod[], r: Random): Uint32Array[] {
  return Array.from({ length: 1024 }, (_, i) => {
    const key = newKey();
    setU(key, K.ethType, 0x0800);
    setU(key, K.nwProto, 6);
    setU(key, K.nwSrc, r.u32());
    setU(key, K.nwDst, r.u32());
    setU(key, K.tpDst, r.u32() & 0xffff);
    if (i % 2 === 0) {
      const m = r.pick(mods).match;
      for (let b = 0; b < key.length; b++) key[b] = (key[b] & ~m.mask[b]) | m.value[b];
    }
    return words(key);
  });
}

function lookups(count: number, shapes: number): void {
  const r = new Random(count + shapes);
  const mods = makeMods(count, shapes, r);
  const tables = new FlowTables(new VirtualClock());
  for (const m of mods) tables.flowMod(m);
  const keys = makeKeys(mods, r);
  const mask = new Uint32Array(KEY_WORDS);
  let hits = 0;
  const turn = () => {
    for (const key of keys) {
      mask.fill(0);
      if (tables.lookup(0, key, mask)) hits++;
    }
  };
  for (let i = 0; i < 20; i++) turn();
  hits = 0;
  // The quickest turn: others on the machine only make one slower.
  const turns = Math.max(60, Math.floor(400 / shapes));
  let seconds = Number.POSITIVE_INFINITY;
  for (let i = 0; i < turns; i++) seconds = Math.min(seconds, time(turn));
  const n = turns * keys.length;
  console.log(
    `look-up, ${count} rules, ${shapes} masks: ${((seconds / keys.length) * 1e9).toFixed(0)} ns (${((100 * hits) / n).toFixed(0)} % hits)`,
  );
}

/** Rules as flow_mods bring them, with actions of their own. Writing the requests is not counted; their matches are used again. */
function inserts(count: number, shapes: number): void {
  const batch = 1000;
  const matches = Array.from({ length: batch }, () => new Match());
  const tables = new FlowTables(new VirtualClock());
  const r = new Random(1);
  globalThis.gc?.();
  const before = process.memoryUsage();
  const took: number[] = [];
  for (let done = 0; done < count; done += batch) {
    const mods = matches.map((match, i) => {
      writeMatch(match, i, shapes, r);
      return makeMod(match, i, shapes);
    });
    took.push(
      time(() => {
        for (const m of mods) tables.flowMod(m);
      }),
    );
  }
  const total = took.reduce((a, b) => a + b);
  took.sort((a, b) => a - b);
  const rate = (n: number, seconds: number) => `${(n / seconds / 1000).toFixed(0)} thousand a second`;
  console.log(
    `insert, ${count} rules, ${shapes} masks: ${rate(count, total)}; batches of ${batch}: median ${rate(batch, took[took.length >> 1])}, best ${rate(batch, took[0])}`,
  );
  if (!globalThis.gc) {
    console.log('memory: run node with --expose-gc to see it');
    return;
  }
  globalThis.gc();
  const after = process.memoryUsage();
  const bytes = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  console.log(`memory, ${tables.size} rules, ${shapes} masks: ${Math.round(bytes / tables.size)} bytes a rule`);
  const rules = [...tables.flows({ ...base, match: new Match() })];
  const gone = time(() => {
    for (const rule of rules) tables.remove(rule, 'delete');
  });
  console.log(`remove, ${rules.length} rules: ${rate(rules.length, gone)}`);
}

inserts(100_000, 1);
inserts(100_000, 100);
for (const shapes of [1, 10, 100]) for (const count of [1000, 100_000]) lookups(count, shapes);
