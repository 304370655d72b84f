import { Duplex } from 'node:stream';
import t from 'tap';
import { VirtualClock } from '../../lib/clock.js';
import { Database } from '../engine/database.js';
import { isObject, type Json } from '../json/json.js';
import { JsonStream } from '../json/json-stream.js';
import { DatabaseSchema } from '../schema/schema.js';
import { integer, one, string } from '../schema/std.js';
import { MANAGER_OPTIONS, Managers } from './managers.js';
import { type Endpoint, Remotes } from './remotes.js';
import { OvsdbServer } from './server.js';

const schema = (version: string, more: object = {}) =>
  new DatabaseSchema('Test', version, '', {
    T: { isRoot: true, columns: { n: { type: one(integer) }, s: { type: one(string) }, ...more } },
  });

/** Ends of a wire. What is written to one waits in the other until it is read. */
function wire(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex => {
    let blocked: (() => void) | undefined;
    return new Duplex({
      read() {
        blocked?.();
        blocked = undefined;
      },
      write(chunk, _, done) {
        if (other().push(chunk)) done();
        else {
          const o = other();
          // The reader is full: the write is done when it reads.
          const wait = () => (o.readableLength < 1000 ? done() : void setImmediate(wait));
          wait();
        }
      },
      final(done) {
        other().push(null);
        done();
      },
      destroy(e, done) {
        other().push(null);
        done(e);
      },
    });
  };
  const a: Duplex = make(() => b);
  const b: Duplex = make(() => a);
  return [a, b];
}

class TestClient {
  readonly heard: Json[] = [];
  ended = false;
  constructor(readonly stream: Duplex) {
    const json = new JsonStream(1 << 26);
    stream.on('data', (chunk) => this.heard.push(...json.push(chunk)));
    stream.on('error', () => {});
    stream.on('end', () => {
      this.ended = true;
    });
  }

  say(method: string, params: Json, id: Json = method): void {
    this.stream.write(JSON.stringify({ method, params, id }));
  }

  take(): Json[] {
    return this.heard.splice(0);
  }
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 6; i++) await new Promise((r) => setImmediate(r));
};

function start() {
  let n = 0;
  const newUuid = () => `00000000-0000-4000-8000-${String(++n).padStart(12, '0')}`;
  const clock = new VirtualClock();
  const log: string[] = [];
  const server = new OvsdbServer({ clock, newUuid, soon: setImmediate, log: (text) => void log.push(text) });
  const db = new Database(schema('1.0.0'), newUuid);
  server.addDatabase(db, () => {});
  const client = (): TestClient => {
    const [near, far] = wire();
    server.accept(far, 'client');
    return new TestClient(near);
  };
  return { server, db, clock, log, client };
}

const insert = (n: number): Json => ['Test', { op: 'insert', table: 'T', row: { n } }];
const waitFor = (n: number, timeout?: number): Json => [
  'Test',
  {
    op: 'wait',
    table: 'T',
    where: [],
    columns: ['n'],
    until: '==',
    rows: [{ n }],
    ...(timeout === undefined ? {} : { timeout }),
  },
];

t.test('a "wait" waits, for a commit, for its time, or to be cancelled', async (t) => {
  const { client, clock } = start();
  const [a, b] = [client(), client()];
  a.say('transact', waitFor(7), 1);
  a.say('transact', waitFor(8, 100), 2);
  a.say('transact', waitFor(9), 3);
  await settle();
  t.same(a.take(), []);
  b.say('transact', insert(7), 4);
  await settle();
  t.same(a.take(), [{ id: 1, result: [{}], error: null }]);
  clock.advance(100);
  await settle();
  t.same(a.take(), [
    { id: 2, result: [{ details: '"wait" timed out after 100 ms', error: 'timed out' }], error: null },
  ]);
  a.stream.write('{"method":"cancel","params":[3],"id":null}');
  await settle();
  t.same(a.take(), [{ id: 3, result: null, error: 'canceled' }]);
});

t.test('locks', async (t) => {
  const { client } = start();
  const [a, b, c] = [client(), client(), client()];
  const locked = (yes: boolean, id: string) => ({ id, result: { locked: yes }, error: null });
  a.say('lock', ['l']);
  await settle();
  b.say('lock', ['l']);
  await settle();
  c.say('steal', ['l']);
  await settle();
  t.same(
    [a.take(), b.take(), c.take()],
    [
      [locked(true, 'lock'), { method: 'stolen', params: ['l'], id: null }],
      [locked(false, 'lock')],
      [locked(true, 'steal')],
    ],
  );
  a.say('transact', ['Test', { op: 'assert', lock: 'l' }]);
  c.say('transact', ['Test', { op: 'assert', lock: 'l' }]);
  await settle();
  t.match(a.take(), [{ result: [{ error: 'not owner' }] }]);
  t.match(c.take(), [{ result: [{}] }]);
  c.stream.end();
  await settle();
  t.same(a.take(), [{ method: 'locked', params: ['l'], id: null }], 'who was stolen from waits first');
  a.say('unlock', ['l']);
  a.say('unlock', ['l']);
  await settle();
  t.match(a.take(), [{ result: {} }, { error: { details: 'unlock: "unlock" without "lock" or "steal"' } }]);
  t.same(b.take(), [{ method: 'locked', params: ['l'], id: null }]);
});

t.test('a client that comes back continues where it was', async (t) => {
  const { client } = start();
  const a = client();
  const since = (id: string): Json => ['Test', id, { T: [{ columns: ['n'] }] }, '00000000-0000-0000-0000-000000000000'];
  a.say('monitor_cond_since', since('m'));
  a.say('transact', insert(1));
  await settle();
  const update = a.take()[1];
  const last = isObject(update) && Array.isArray(update.params) ? update.params[1] : '';
  a.stream.destroy();
  const b = client();
  b.say('transact', insert(2));
  b.say('monitor_cond_since', ['Test', 'm', { T: [{ columns: ['n'] }] }, last]);
  await settle();
  const [, reply] = b.take();
  t.match(reply, { result: [true, /./, {}] });
  t.match(JSON.stringify(reply), /\{"insert":\{"n":2\}\}/);
  t.notMatch(JSON.stringify(reply), /"n":1/);
});

t.test('conversion: who does not know of such things is cut off, the others lose their monitors', async (t) => {
  const { client, server } = start();
  const [by, aware, plain] = [client(), client(), client()];
  aware.say('set_db_change_aware', [true]);
  aware.say('monitor', ['Test', 'm', { T: {} }]);
  aware.say('monitor', ['_Server', 's', { Database: [{ columns: ['name', 'schema'], select: { initial: false } }] }]);
  aware.say('transact', waitFor(1), 'w');
  by.say('transact', insert(5));
  await settle();
  by.take();
  aware.take();
  by.say('convert', ['Test', schema('2.0.0', { extra: { type: one(integer) } }).toJson()]);
  await settle();
  t.same(by.take(), [{ id: 'convert', result: {}, error: null }]);
  const heard = aware.take();
  t.match(heard.slice(0, 2), [
    { id: 'w', error: 'canceled' },
    { method: 'monitor_canceled', params: ['m'] },
  ]);
  t.match(JSON.stringify(heard), /2\.0\.0/, '_Server tells the new schema');
  t.ok(plain.ended);
  t.notOk(aware.ended);
  by.say('transact', ['Test', { op: 'select', table: 'T', where: [], columns: ['n', 'extra'] }]);
  by.say('convert', [
    'Test',
    {
      name: 'Test',
      version: '3.0.0',
      tables: { T: { columns: { n: { type: { key: { type: 'integer', maxInteger: 4 } } } } } },
    },
  ]);
  await settle();
  t.match(by.take(), [{ result: [{ rows: [{ n: 5, extra: 0 }] }] }, { error: { error: 'constraint violation' } }]);
  t.equal(server.databases.get('Test')?.db.schema.version, '2.0.0');
});

t.test('bad input ends that client, and no other', async (t) => {
  const { client, log } = start();
  const good = client();
  const rows: [string, RegExp][] = [
    ['this is no JSON', /error parsing stream/],
    ['{"method":"x","params":[]}]', /a bracket closes/],
    ['{"method":"x","id":1}', /must have "params"/],
    ['{"id":5,"result":{},"error":null}', /received unexpected reply/],
    ['{"a":"\\u0000"}', /null bytes/],
    ['['.repeat(2000), /nesting depth/],
  ];
  for (const [text, why] of rows) {
    const bad = client();
    bad.stream.write(text);
    await settle();
    t.match(log.pop() ?? '', why, text.slice(0, 30));
    t.ok(bad.ended);
  }
  const half = client();
  half.stream.write('{"method":"transact","params":["Test"');
  half.stream.end();
  good.say('list_dbs', []);
  await settle();
  t.match(good.take(), [{ result: ['Test', '_Server'] }]);
});

t.test('who does not read costs a bounded amount, and hears the outcome in one piece later', async (t) => {
  const { client, db } = start();
  const slow = client();
  slow.say('monitor', ['Test', 'm', { T: {} }]);
  await settle();
  slow.stream.pause();
  const many = client();
  many.say('transact', ['Test', { op: 'insert', table: 'T', row: { n: 0, s: 'x'.repeat(50_000) } }]);
  await settle();
  for (let n = 1; n <= 200; n++) {
    db.transact([{ op: 'mutate', table: 'T', where: [], mutations: [['n', '+=', 1]] }]);
    await settle();
  }
  const before = slow.heard.length;
  slow.stream.resume();
  const newest = () => /"n":(\d+),"s"/.exec(JSON.stringify(slow.heard.at(-1)))?.[1];
  for (let i = 0; i < 500 && newest() !== '200'; i++) await settle();
  t.equal(newest(), '200', 'the last says how it is now');
  const updates = slow.heard.length - before;
  t.ok(updates < 60, `${updates} updates for 200 transactions`);
});

t.test('1,000 clients hear the same, put into words once', async (t) => {
  const { client } = start();
  const clients = Array.from({ length: 1000 }, client);
  for (const c of clients) c.say('monitor_cond', ['Test', 'm', { T: [{ columns: ['n'] }] }]);
  await settle();
  clients[0].say('transact', insert(3));
  await settle();
  t.ok(clients.every((c) => /"insert":\{"n":3\}/.test(JSON.stringify(c.take()))));
  for (const c of clients) c.stream.destroy();
});

t.test('managers: connected to, probed, given up, tried again; their state is written back', async (t) => {
  const { server, clock, log } = start();
  let n = 0;
  const newUuid = () => `00000000-0000-4000-9000-${String(++n).padStart(12, '0')}`;
  const { VSWITCH_SCHEMA } = await import('../schema/vswitch.js');
  const db = new Database(VSWITCH_SCHEMA, newUuid);
  server.addDatabase(db);
  const managers: TestClient[] = [];
  const refuse = { yes: false };
  const endpoint = (): Endpoint => ({
    kind: 'active',
    open: (then) => {
      if (refuse.yes) setImmediate(() => then.failed('connection refused'));
      else {
        const [near, far] = wire();
        managers.push(new TestClient(near));
        setImmediate(() => then.open(far));
      }
      return () => {};
    },
  });
  const remotes = new Remotes(server, endpoint, (text) => void log.push(text));
  const m = new Managers(
    (name) => (name === 'Open_vSwitch' ? db : undefined),
    ['Open_vSwitch'],
    remotes,
    clock,
    new Map([[MANAGER_OPTIONS, { maxBackoffMs: 0, probeMs: 0 }]]),
  );
  const manager = {
    op: 'insert',
    table: 'Manager',
    row: { target: 'tcp:1.2.3.4', inactivity_probe: 2000 },
    'uuid-name': 'm',
  };
  db.transact([manager, { op: 'insert', table: 'Open_vSwitch', row: { manager_options: ['named-uuid', 'm'] } }]);
  clock.advance(0);
  await settle();
  managers[0].say('lock', ['l']);
  await settle();
  const state = async (): Promise<Json> => {
    const o = db.transact([{ op: 'select', table: 'Manager', where: [], columns: ['is_connected', 'status'] }]);
    return o.kind === 'done' ? o.results[0] : null;
  };
  managers[0].take();
  clock.advance(2000);
  await settle();
  t.match(managers[0].take(), [{ method: 'echo', params: [], id: 'echo' }], 'silent, so it is asked');
  clock.advance(500);
  await settle();
  t.match(
    JSON.stringify(await state()),
    /"is_connected":true,"status":\["map",\[\["locks_held","l"\],\["sec_since_connect","2"\],\["state","IDLE"\]/,
  );
  refuse.yes = true;
  clock.advance(2000);
  await settle();
  t.ok(managers[0].ended, 'no answer');
  clock.advance(2500);
  t.match(
    JSON.stringify(await state()),
    /"is_connected":false.*"last_error","(connection refused|no response to inactivity probe)"/,
  );
  refuse.yes = false;
  for (let i = 0; i < 10; i++) {
    clock.advance(1000);
    await settle();
  }
  t.ok(managers.length > 1, 'it came back');
  db.transact([{ op: 'update', table: 'Open_vSwitch', where: [], row: { manager_options: ['set', []] } }]);
  await settle();
  t.ok(managers.at(-1)?.ended);
  m.close();
  remotes.close();
});
