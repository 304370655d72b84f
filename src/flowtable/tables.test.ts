import t from 'tap';
import type { Action } from '../action/action.js';
import { newKey, OK, setU, words } from '../flow/key.js';
import { Match, minify } from '../flow/match.js';
import { VirtualClock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { K } from '../packet/key.js';
import { everyFlow, type FlowFilter, type FlowMod, TABLE_ALL } from './flow-mod.js';
import { FLOW_FLAG, type Rule } from './rule.js';
import { FlowTables } from './tables.js';

const ANY = 0xffffffff;
const out = (port: number): Action => ({ type: 'output', port, maxLen: 0 });

/** A match on IPv4 destinations of a prefix, or on everything. */
function to(address: number, bits: number): Match {
  const m = new Match();
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  setU(m.mask, K.nwDst, mask);
  setU(m.value, K.nwDst, (address & mask) >>> 0);
  return m;
}

function mod(change: Partial<FlowMod> = {}): FlowMod {
  return {
    command: 'add',
    table: 0,
    priority: 100,
    match: new Match(),
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
    actions: [out(1)],
    ...change,
  };
}

const everything = everyFlow();

function setup() {
  const clock = new VirtualClock();
  const tables = new FlowTables(clock);
  const events: string[] = [];
  tables.listen((e) => {
    const why = e.kind === 'removed' ? ` ${e.reason}` : e.kind === 'added' && e.replaced ? ' replaced' : '';
    events.push(`${e.kind} ${e.rule.table}/${e.rule.priority}${why}`);
  });
  return { clock, tables, events };
}

function ofError(fn: () => void): string | undefined {
  try {
    fn();
  } catch (e) {
    if (e instanceof UserError) return e.ofError;
    throw e;
  }
  return 'no error';
}

/** Priorities of what a filter lists, ascending. */
const list = (tables: FlowTables, change: Partial<FlowFilter> = {}) =>
  [...tables.flows({ ...everything, ...change })].map((r) => r.priority).sort((a, b) => a - b);

t.test('add, look up, mask', (t) => {
  const { tables } = setup();
  tables.flowMod(mod({ priority: 1 }));
  const [best] = tables.flowMod(mod({ priority: 9, match: to(0x0a000000, 8) }));
  const key = newKey();
  setU(key, K.nwDst, 0x0a010203);
  const mask = newKey();
  t.equal(tables.lookup(0, words(key), words(mask)), best);
  t.same([...mask.subarray(K.nwDst.offset, K.nwDst.offset + 4)], [255, 0, 0, 0]);
  setU(key, K.nwDst, 0x0b010203);
  t.equal(tables.lookup(0, words(key), undefined)?.priority, 1);
  t.equal(tables.lookup(1, words(key), undefined), undefined);
  t.end();
});

t.test('an equal match and priority replaces; counters follow unless reset_counts', (t) => {
  const { tables, events } = setup();
  const [a] = tables.flowMod(mod());
  tables.credit(a, 3, 300, 5);
  const [b] = tables.flowMod(mod({ actions: [out(2)] }));
  t.equal(a.live, false);
  t.equal(b.packets, 3);
  const [c] = tables.flowMod(mod({ flags: FLOW_FLAG.resetCounts }));
  t.equal(c.bytes, 0);
  t.equal(tables.size, 1);
  t.same(events, ['added 0/100', 'added 0/100 replaced', 'added 0/100 replaced']);
  t.end();
});

t.test('strict and loose selection', (t) => {
  const fill = () => {
    const { tables } = setup();
    tables.flowMod(mod({ priority: 1 }));
    tables.flowMod(mod({ priority: 2, match: to(0x0a000000, 8) }));
    tables.flowMod(mod({ priority: 3, match: to(0x0a010000, 16) }));
    tables.flowMod(mod({ priority: 4, match: to(0x0b000000, 8), table: 5, cookie: 0x12n, actions: [out(7)] }));
    return tables;
  };
  const rows: [string, Partial<FlowMod>, number[]][] = [
    ['all', { command: 'delete', table: TABLE_ALL }, []],
    ['one table', { command: 'delete' }, [4]],
    ['loose', { command: 'delete', match: to(0x0a000000, 8) }, [1, 4]],
    ['loose, nothing that narrow', { command: 'delete', match: to(0x0a010100, 24) }, [1, 2, 3, 4]],
    ['strict', { command: 'delete_strict', priority: 2, match: to(0x0a000000, 8) }, [1, 3, 4]],
    ['strict, other priority', { command: 'delete_strict', priority: 5, match: to(0x0a000000, 8) }, [1, 2, 3, 4]],
    ['cookie', { command: 'delete', table: TABLE_ALL, cookieFilter: 0x10n, cookieMask: 0xf0n }, [1, 2, 3]],
    ['out port', { command: 'delete', table: TABLE_ALL, outPort: 7 }, [1, 2, 3]],
    ['out group', { command: 'delete', table: TABLE_ALL, outGroup: 7 }, [1, 2, 3, 4]],
  ];
  for (const [name, change, left] of rows) {
    const tables = fill();
    tables.flowMod(mod(change));
    t.same(list(tables), left, name);
    t.equal(tables.size, left.length, name);
  }
  const tables = fill();
  t.same(list(tables, { match: to(0x0a000000, 8) }), [2, 3]);
  t.same(list(tables, { match: to(0x0a000000, 8), strictPriority: 2 }), [2]);
  t.same(list(tables, { outPort: 1 }), [1, 2, 3]);
  t.end();
});

t.test('a table emptied at once: told rule by rule, matches stay readable, hidden rules stay', (t) => {
  const { tables, events, clock } = setup();
  const [a] = tables.flowMod(mod({ match: to(0x0a000000, 8), cookie: 5n, idleTimeout: 1 }));
  tables.flowMod(mod({ priority: 7, cookie: 5n, table: 3 }));
  t.equal(tables.countCookie(0, 5n), 1);
  const was = tables.generation(0);
  const gone = tables.flowMod(mod({ command: 'delete', table: TABLE_ALL }));
  t.equal(gone.length, 2);
  t.same(events.slice(2), ['removed 0/100 delete', 'removed 3/7 delete']);
  t.equal(a.live, false);
  t.same([...a.match.value], [...minify(to(0x0a000000, 8)).value], 'its match can still be asked for');
  t.ok(tables.generation(0) > was);
  t.equal(tables.countCookie(0, 5n), 0);
  clock.advance(5000);
  t.same(tables.expire(clock.now()), []);
  tables.flowMod(mod({ priority: 1 }));
  const [hidden] = tables.flowMod(mod({ priority: 2, flags: FLOW_FLAG.hiddenRule }));
  t.equal(tables.flowMod(mod({ command: 'delete' })).length, 1);
  t.equal(tables.size, 1);
  t.ok(hidden.live);
  t.end();
});

t.test('modify changes actions, keeps the rule, and adds only where a cookie is given', (t) => {
  const { tables, events, clock } = setup();
  const [r] = tables.flowMod(mod({ cookie: 1n, hardTimeout: 10 }));
  tables.credit(r, 1, 60, 0);
  clock.advance(4000);
  const before = tables.version;
  tables.flowMod(mod({ command: 'modify' }));
  t.equal(tables.version, before, 'the same actions: nothing to translate again');
  t.equal(r.modified, 4000);
  tables.flowMod(mod({ command: 'modify', actions: [out(2)], cookie: 2n, priority: 7 }));
  t.equal(tables.version, before + 1);
  t.match(r, { cookie: 1n, packets: 1, generation: 1, actions: [out(2)], live: true });
  tables.flowMod(mod({ command: 'modify', cookie: 2n, modifyCookie: true, flags: FLOW_FLAG.resetCounts }));
  t.match(r, { cookie: 2n, packets: 0 });
  t.same(tables.flowMod(mod({ command: 'modify', match: to(1, 32) })), [], 'no cookie set: no add');
  t.same(
    tables.flowMod(mod({ command: 'modify', match: to(1, 32), modifyCookie: true, cookieMask: 1n, cookieFilter: 1n })),
    [],
  );
  t.equal(tables.flowMod(mod({ command: 'modify_strict', priority: 3, modifyCookie: true })).length, 1);
  t.same(events, ['added 0/100', 'modified 0/100', 'modified 0/100', 'modified 0/100', 'added 0/3']);
  t.end();
});

t.test('refusals', (t) => {
  const { tables } = setup();
  tables.flowMod(mod({ match: to(0x0a000000, 8) }));
  const check = FLOW_FLAG.checkOverlap;
  const rows: [string, Partial<FlowMod>, string][] = [
    ['inside', { flags: check, match: to(0x0a010000, 16) }, 'OFPFMFC_OVERLAP'],
    ['around', { flags: check }, 'OFPFMFC_OVERLAP'],
    ['apart', { flags: check, match: to(0x0b000000, 8) }, 'no error'],
    ['other priority', { flags: check, priority: 5 }, 'no error'],
    ['itself', { flags: check, match: to(0x0a000000, 8) }, 'no error'],
    ['no such table', { table: 256 }, 'OFPFMFC_BAD_TABLE_ID'],
    ["the switch's own table", { table: 254 }, 'OFPBRC_EPERM'],
  ];
  for (const [name, change, error] of rows)
    t.equal(
      ofError(() => tables.flowMod(mod(change))),
      error,
      name,
    );
  tables.configure(3, { owner: { flowLimit: 1, overflow: 'refuse' } });
  tables.flowMod(mod({ table: 3 }));
  t.equal(
    ofError(() => tables.flowMod(mod({ table: 3, priority: 2 }))),
    'OFPFMFC_TABLE_FULL',
  );
  t.equal(
    ofError(() => tables.flowMod(mod({ table: 3, actions: [] }))),
    'no error',
    'a replacement needs no room',
  );
  t.end();
});

t.test('a full table that evicts gives up the least important rule with a timeout', (t) => {
  const { tables, events } = setup();
  tables.configure(0, { owner: { flowLimit: 3, overflow: 'evict' } });
  tables.flowMod(mod({ priority: 1 }));
  tables.flowMod(mod({ priority: 2, idleTimeout: 5, importance: 2 }));
  tables.flowMod(mod({ priority: 3, hardTimeout: 9, importance: 1 }));
  tables.flowMod(mod({ priority: 4 }));
  tables.flowMod(mod({ priority: 5 }));
  t.same(
    events.filter((e) => e.startsWith('removed')),
    ['removed 0/3 eviction', 'removed 0/2 eviction'],
  );
  t.equal(
    ofError(() => tables.flowMod(mod({ priority: 6 }))),
    'OFPFMFC_TABLE_FULL',
  );
  t.end();
});

t.test('timeouts end rules in order', (t) => {
  const { tables, events, clock } = setup();
  const add = (priority: number, idleTimeout: number, hardTimeout: number): Rule =>
    tables.flowMod(mod({ priority, idleTimeout, hardTimeout }))[0];
  add(1, 0, 0);
  add(2, 0, 5);
  const idle = add(3, 3, 0);
  const both = add(4, 4, 6);
  t.equal(tables.nextExpiry(), 3000);
  clock.advance(2999);
  t.same(tables.expire(clock.now()), []);
  tables.credit(idle, 1, 1, 2000);
  tables.credit(both, 1, 1, 2999);
  clock.advance(1);
  t.same(tables.expire(clock.now()), [], 'used at 2 s: idle until 5 s');
  tables.flowMod(mod({ command: 'modify_strict', priority: 2, actions: [] }));
  clock.advance(17000);
  tables.expire(clock.now());
  t.same(
    events.filter((e) => e.startsWith('removed')),
    ['removed 0/3 idle_timeout', 'removed 0/4 hard_timeout', 'removed 0/2 hard_timeout'],
  );
  t.equal(tables.nextExpiry(), undefined);
  tables.setTimeouts([...tables.flows(everything)][0], 0, 1);
  t.equal(tables.expire(clock.now()).length, 1, 'a timeout that came later counts from the last change');
  t.equal(tables.size, 0);
  t.end();
});

t.test('many short-lived rules leave nothing behind', (t) => {
  const { tables, clock } = setup();
  for (let i = 0; i < 5000; i++) {
    const [r] = tables.flowMod(mod({ match: to(i, 32), idleTimeout: 1 + (i % 50) }));
    if (i % 3) tables.remove(r, 'delete');
    clock.advance(1);
  }
  let last = 0;
  let disorder = 0;
  for (let now = 5000; tables.size > 0; now += 100) {
    for (const r of tables.expire(now)) {
      const at = r.used + r.idleTimeout * 1000;
      if (at < last && at >= 5000) disorder++;
      last = at;
    }
  }
  t.equal(disorder, 0);
  t.equal(tables.nextExpiry(), undefined);
  t.end();
});

t.test('cookies are counted by table; hidden rules are not seen', (t) => {
  const { tables } = setup();
  tables.flowMod(mod({ cookie: 5n, priority: 1 }));
  t.equal(tables.countCookie(0, 5n), 1);
  const [b] = tables.flowMod(mod({ cookie: 5n, priority: 2 }));
  tables.flowMod(mod({ cookie: 6n, priority: 3 }));
  t.equal(tables.countCookie(0, 5n), 2);
  tables.remove(b, 'delete');
  tables.flowMod(mod({ command: 'modify_strict', priority: 3, cookie: 5n, modifyCookie: true }));
  t.equal(tables.countCookie(0, 5n), 2);
  t.equal(tables.countCookie(0, 6n), 0);
  tables.flowMod(mod({ priority: 9, flags: FLOW_FLAG.hiddenRule }));
  tables.flowMod(mod({ priority: 9, flags: FLOW_FLAG.hiddenRule, table: 254 }));
  t.same(list(tables), [1, 3]);
  tables.flowMod(mod({ command: 'delete', table: TABLE_ALL }));
  t.equal(tables.size, 2);
  t.end();
});

t.test('a deleted group or meter takes its users along', (t) => {
  const { tables, events } = setup();
  tables.flowMod(mod({ priority: 1, actions: [{ type: 'group', id: 4 }] }));
  tables.flowMod(mod({ priority: 2, actions: [{ type: 'write_actions', actions: [{ type: 'group', id: 4 }] }] }));
  tables.flowMod(mod({ priority: 3, actions: [{ type: 'meter', id: 4 }, out(1)] }));
  tables.flowMod(mod({ priority: 4 }));
  t.same(tables.references(), { groups: new Map([[4, 2]]), meters: new Map([[4, 1]]) });
  tables.removeUsersOfGroup(4);
  tables.removeUsersOfMeter(4);
  t.same(list(tables), [4]);
  t.same(events.slice(4).sort(), ['removed 0/1 group_delete', 'removed 0/2 group_delete', 'removed 0/3 meter_delete']);
  t.end();
});

t.test('conjunctions decide through a second look-up', (t) => {
  const { tables } = setup();
  const clause = (priority: number, match: Match, k: number) =>
    tables.flowMod(mod({ priority, match, actions: [{ type: 'conjunction', id: 77, clause: k, nClauses: 2 }] }));
  const source = new Match();
  setU(source.mask, K.inPort, 0xffffffff);
  setU(source.value, K.inPort, 3);
  clause(50, source, 0);
  clause(50, to(0x0a000000, 8), 1);
  tables.flowMod(mod({ priority: 1 }));
  const key = newKey();
  setU(key, K.inPort, 3);
  setU(key, K.nwDst, 0x0a000001);
  t.equal(tables.lookup(0, words(key), undefined)?.priority, 1, 'no rule for the id');
  const second = new Match();
  setU(second.mask, OK.conjId, 0xffffffff);
  setU(second.value, OK.conjId, 77);
  tables.flowMod(mod({ priority: 30, match: second }));
  t.equal(tables.lookup(0, words(key), undefined)?.priority, 30);
  t.equal(key[OK.conjId.offset + 3], 0, 'the key is restored');
  setU(key, K.inPort, 4);
  t.equal(tables.lookup(0, words(key), undefined)?.priority, 1, 'one clause alone does nothing');
  t.end();
});
