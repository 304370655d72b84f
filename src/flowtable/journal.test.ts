/** All or nothing: each kind of change is taken back whole, and told only when it stays. */
import t from 'tap';
import type { Action } from '../action/action.js';
import { setU } from '../flow/key.js';
import { Match } from '../flow/match.js';
import { VirtualClock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { K } from '../packet/key.js';
import { everyFlow, type FlowMod, TABLE_ALL } from './flow-mod.js';
import { FLOW_FLAG, type Rule } from './rule.js';
import { FlowTables } from './tables.js';

const CONJUNCTION: Action = { type: 'conjunction', id: 7, clause: 1, nClauses: 2 };
const everything = everyFlow();

function port(n: number): Match {
  const m = new Match();
  setU(m.mask, K.tpDst, 0xffff);
  setU(m.value, K.tpDst, n);
  return m;
}

function mod(change: Partial<FlowMod>): FlowMod {
  const base = {
    command: 'add',
    priority: 1,
    cookie: 0n,
    modifyCookie: false,
    idleTimeout: 0,
    hardTimeout: 0,
  } as const;
  const actions: Action[] = [{ type: 'output', port: 1, maxLen: 0 }];
  return { ...everything, ...base, table: 0, flags: 0, importance: 0, actions, ...change };
}

/** Three rules with counters, one of which times out, and a table that evicts. */
function setup() {
  const clock = new VirtualClock();
  const tables = new FlowTables(clock);
  tables.flowMod(mod({ match: port(1), cookie: 5n }));
  tables.flowMod(mod({ match: port(2), priority: 2, idleTimeout: 10 }));
  tables.flowMod(mod({ match: port(3), table: 3, actions: [CONJUNCTION] }));
  tables.configure(1, { owner: { flowLimit: 1, overflow: 'evict' } });
  tables.flowMod(mod({ match: port(4), table: 1, hardTimeout: 30 }));
  for (const r of tables.flows(everything)) tables.credit(r, 3, 180, clock.now());
  const told: string[] = [];
  tables.listen((e) => told.push(`${e.kind} ${e.rule.table}/${e.rule.priority}`));
  clock.advance(1000);
  return { clock, tables, told };
}

const picture = (tables: FlowTables) => {
  const text = (r: Rule) => {
    const { table, priority, match, cookie, actions, created, modified, packets, idleTimeout, generation } = r;
    const all = [
      table,
      priority,
      [...match.value],
      cookie,
      actions,
      created,
      modified,
      packets,
      idleTimeout,
      generation,
    ];
    return JSON.stringify(all, (_, v) => (typeof v === 'bigint' ? `${v}n` : v));
  };
  return [...tables.flows(everything)].map(text).sort();
};

const fail = (): never => {
  throw new UserError('enough');
};

const CASES: readonly (readonly [string, readonly FlowMod[], readonly string[]])[] = [
  ['a new rule', [mod({ match: port(9) })], ['added 0/1']],
  ['a rule that replaces one', [mod({ match: port(1), idleTimeout: 3 })], ['added 0/1']],
  ['replaced twice', [mod({ match: port(1) }), mod({ match: port(1), cookie: 9n })], ['added 0/1', 'added 0/1']],
  ['actions modified', [mod({ command: 'modify', match: port(2), actions: [] })], ['modified 0/2']],
  [
    'actions, cookie and counters modified',
    [
      mod({
        command: 'modify',
        match: port(1),
        modifyCookie: true,
        cookie: 6n,
        flags: FLOW_FLAG.resetCounts,
        actions: [],
      }),
    ],
    ['modified 0/1'],
  ],
  ['a conjunction becomes an ordinary rule', [mod({ command: 'modify', table: 3, actions: [] })], ['modified 3/1']],
  ['rules deleted', [mod({ command: 'delete', table: 0 })], ['removed 0/1', 'removed 0/2']],
  [
    'everything deleted',
    [mod({ command: 'delete', table: TABLE_ALL })],
    ['removed 0/1', 'removed 0/2', 'removed 1/1', 'removed 3/1'],
  ],
  [
    'deleted, and another in its place',
    [mod({ command: 'delete', table: 0 }), mod({ match: port(1) })],
    ['removed 0/1', 'removed 0/2', 'added 0/1'],
  ],
  ['one evicted for another', [mod({ match: port(5), table: 1 })], ['removed 1/1', 'added 1/1']],
  [
    'added, modified, deleted',
    [
      mod({ match: port(9) }),
      mod({ command: 'modify', match: port(9), actions: [] }),
      mod({ command: 'delete', match: port(9) }),
    ],
    ['added 0/1', 'modified 0/1', 'removed 0/1'],
  ],
];

for (const [name, mods, events] of CASES) {
  t.test(name, (t) => {
    const { tables, told } = setup();
    const before = picture(tables);
    const rules = new Set(tables.flows(everything));
    const run = () => {
      for (const m of mods) tables.flowMod(m);
    };
    t.throws(() =>
      tables.atomically(() => {
        run();
        fail();
      }),
    );
    t.same(picture(tables), before, 'as it was');
    t.equal(tables.size, 4);
    t.ok(
      [...tables.flows(everything)].every((r) => rules.has(r) && r.live),
      'the same rules',
    );
    t.same(told, [], 'no one heard');
    tables.atomically(() => {
      run();
      t.same(told, [], 'no one hears before the end');
    });
    t.same([...told].sort(), [...events].sort());
    t.not(picture(tables).join(), name.startsWith('added,') ? '' : before.join());
    t.end();
  });
}

t.test('timeouts after taking back', (t) => {
  const { clock, tables } = setup();
  t.throws(() =>
    tables.atomically(() => {
      tables.flowMod(mod({ command: 'delete', table: TABLE_ALL }));
      tables.flowMod(mod({ match: port(9), hardTimeout: 1 }));
      fail();
    }),
  );
  clock.advance(9000);
  t.same(tables.expire(clock.now()), [], 'what was never there does not time out');
  clock.advance(1);
  t.same(
    tables.expire(clock.now()).map((r) => r.priority),
    [2],
  );
  clock.advance(20_000);
  t.same(
    tables.expire(clock.now()).map((r) => r.table),
    [1],
  );
  t.equal(tables.size, 2);
  t.end();
});
