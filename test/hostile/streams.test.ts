/**
 * Clients of the database and of the control socket that say what is wrong, too much, or half of it, and that do not listen; beside a client that does as it should, which must notice
 * nothing. More of everything: node dist/test/hostile/streams.test.js --full 1
 */
import t, { type Test } from 'tap';
import { until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { Random } from '../../src/lib/random.js';
import { numberOption } from '../support/options.js';
import { Raw } from './raw.js';
import { CONTROL_ROWS, DATABASE_ROWS, type Row, spoiltRequest } from './rows.js';
import { type Kind, Server } from './servers.js';
import { Witness } from './witness.js';

t.setTimeout(600_000);
const full = numberOption('full', 0) === 1;
const skip =
  needPrograms({ 'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'], 'ovsdb-tool': OVS_PROGRAMS['ovsdb-server'] }) ?? false;
const SOON = 30_000;
/** The machine is shared, and a message of 100 MB is seconds of parsing. */
const PATIENCE = 40_000;
const MB = 1 << 20;

async function rows(t: Test, server: Server, path: string, all: readonly Row[]): Promise<void> {
  for (const { what, bytes, end, reply } of all) {
    const raw = await Raw.open(path);
    await raw.send(bytes);
    if (reply) {
      t.ok(await until(() => reply.test(raw.text) || raw.closed, SOON), what);
      t.match(raw.text, reply, what);
      t.notOk(raw.closed, `${what}: it is served further`);
      raw.close();
    } else {
      t.ok(await until(() => raw.closed, SOON), `${what}: hung up on`);
      const said = end ?? /^/;
      t.ok(await until(() => said.test(server.output), SOON), `${what}: ${server.output.slice(-300)}`);
    }
  }
}

const asks = (id: number, method: string, ...params: unknown[]): string => JSON.stringify({ method, params, id });
const insert = (id: number, type: string): string =>
  asks(id, 'transact', 'Open_vSwitch', { op: 'insert', table: 'QoS', row: { type } });

/** One message in pieces that are made as they are sent. */
async function sendLong(raw: Raw, head: string, mb: number, tail: string): Promise<void> {
  await raw.send(head);
  const piece = 'x'.repeat(MB);
  for (let i = 0; i < mb && !raw.closed; i++) await raw.send(piece);
  await raw.send(tail);
}

const replied = (raw: Raw, id: number): Promise<boolean> =>
  until(() => raw.closed || raw.text.includes(`"id":${id},`), PATIENCE);

async function tooLong(t: Test, server: Server): Promise<void> {
  const long = await Raw.open(server.socket);
  await sendLong(long, '{"method":"echo","id":1,"params":["', 130, '"]}');
  t.ok(await until(() => long.closed, PATIENCE), '130 MB are too much');
  t.match(server.output, /a value of more than 134217728 bytes/);
}

async function longStrings(t: Test, server: Server): Promise<void> {
  const echo = await Raw.open(server.socket);
  await sendLong(echo, '{"method":"echo","id":1,"params":["', 100, '"]}');
  t.ok(await until(() => echo.received > 100 * MB || echo.closed, PATIENCE), '100 MB come back');
  t.notOk(echo.closed);
  await tooLong(t, server);
  const raw = await Raw.open(server.socket);
  const mb = 60;
  const INSERT = [
    '{"method":"transact","params":["Open_vSwitch",{"op":"insert","table":"QoS","row":{"type":"',
    '"}}],"id":',
  ];
  await sendLong(raw, INSERT[0], mb, `${INSERT[1]}2}`);
  t.ok(await replied(raw, 2), `a column of ${mb} MB`);
  const select = { op: 'select', table: 'QoS', where: [], columns: ['type'] };
  await raw.send(asks(3, 'transact', 'Open_vSwitch', ...Array.from({ length: 8 }, () => select)));
  const isRefused = () => /the results would have more than/.test(raw.text) || raw.closed;
  t.ok((await until(isRefused, PATIENCE)) && !raw.closed, 'what no string holds is refused');
  for (let id = 10; id < 10 + 200 / mb; id++) {
    await sendLong(raw, INSERT[0], mb, `${INSERT[1]}${id}}`);
    await replied(raw, id);
    if (/resources exhausted.*the database would have/.test(raw.text)) break;
  }
  t.match(raw.text, /the database would have more than 201326592 bytes/, 'a database does not grow for ever');
  await raw.send(
    asks(4, 'transact', 'Open_vSwitch', { op: 'delete', table: 'QoS', where: [['external_ids', '==', ['map', []]]] }),
  );
  t.ok(await replied(raw, 4));
  raw.close();
  echo.close();
}

/** Messages that are begun: together more than may be held. Who has most is given up, not who comes last. */
async function halves(t: Test, server: Server): Promise<void> {
  const all = await Promise.all(Array.from({ length: 50 }, () => Raw.open(server.socket)));
  for (const [i, raw] of all.entries()) {
    await raw.send('{"method":"transact","params":["Open_vSwitch",{"op":"com');
    if (i % 2 === 0) raw.finish();
  }
  t.ok(await until(() => all.filter((r) => r.closed).length >= 25, SOON), 'those that end are gone');
  const large = await Promise.all([0, 1, 2, 3].map(() => Raw.open(server.socket)));
  for (const raw of large) await sendLong(raw, '{"method":"', 70, '');
  t.ok(await until(() => large.some((r) => r.closed), SOON), 'too much is held');
  t.notOk(
    large.every((r) => r.closed),
    'not all are to blame',
  );
  const good = await Raw.open(server.socket);
  await good.send(insert(5, 'y'.repeat(3 * MB)));
  t.ok(await replied(good, 5), 'somebody else has room for a message in pieces');
  t.notOk(good.closed);
  for (const raw of [...all, ...large, good]) raw.close();
}

/** Asks and asks, and reads nothing. */
async function deaf(t: Test, server: Server, path: string, request: string): Promise<void> {
  const before = server.residentMb();
  const all = await Promise.all(Array.from({ length: full ? 50 : 10 }, () => Raw.open(path)));
  const text = request.repeat(Math.ceil(MB / request.length));
  for (const raw of all) {
    raw.deafen();
    // More than any buffer on the way takes: the rest waits at the sender.
    for (let i = 0; i < 4; i++) void raw.send(text);
  }
  const steady = async (): Promise<boolean> => {
    const pending = all.map((r) => r.pending);
    await new Promise((r) => setTimeout(r, 300));
    return pending.every((p, i) => p > 0 && all[i].pending === p);
  };
  const end = performance.now() + SOON;
  let isSteady = false;
  while (!isSteady && performance.now() < end) isSteady = await steady();
  t.ok(isSteady, 'they are not read from any more');
  const grown = server.residentMb() - before;
  t.ok(grown < 150 + all.length * 4, `${grown} MB more for ${all.length} clients that do not read`);
  for (const raw of all) raw.close();
}

async function crowd(t: Test, server: Server, n: number): Promise<void> {
  const all: Raw[] = [];
  for (let i = 0; i < n; i += 50) {
    all.push(...(await Promise.all(Array.from({ length: Math.min(50, n - i) }, () => Raw.open(server.socket)))));
  }
  await Promise.all(all.map((raw) => raw.send(asks(9, 'list_dbs'))));
  t.ok(await until(() => all.every((r) => r.text.includes('"id":9')), SOON), `${n} clients at once are answered`);
  for (const raw of all) raw.close();
}

for (const kind of ['ovsdb-server', 'switchd'] as const satisfies readonly Kind[]) {
  t.test(`weft ${kind}`, { skip }, async (t) => {
    const server = new Server(kind, { args: ['-vconsole:info'] });
    t.teardown(() => server.close());
    t.ok(await server.start(), server.output);
    const witness = new Witness('w', PATIENCE);
    await witness.start(server.socket);
    await rows(t, server, server.socket, DATABASE_ROWS);
    await rows(t, server, server.control, CONTROL_ROWS);
    const random = new Random(numberOption('seed', 1));
    for (let i = 0; i < (full ? 3000 : 200); i++) {
      const raw = await Raw.open(server.socket);
      await raw.send(spoiltRequest(random));
      raw.finish();
      if (i % 10 === 0) await raw.ended;
    }
    await crowd(t, server, full ? 3000 : 300);
    if (full) {
      await halves(t, server);
      await longStrings(t, server);
    } else if (kind === 'ovsdb-server') await tooLong(t, server);
    await deaf(t, server, server.socket, asks(1, 'get_schema', 'Open_vSwitch'));
    await deaf(t, server, server.control, asks(1, 'list-commands'));
    await witness.stop();
    t.same(witness.faults, [], 'the good client noticed nothing');
    t.ok(
      witness.acknowledged.size > 20,
      `${witness.acknowledged.size} transactions of it, the slowest ${witness.worstMs | 0} ms`,
    );
    t.ok(server.running, server.output.slice(-1000));
    // With nobody gone: one client of each kind is there, and says nothing.
    const idle = [await Raw.open(server.socket), await Raw.open(server.control)];
    t.ok(server.residentMb() < 1500, `${server.residentMb()} MB resident`);
    t.comment(
      `${server.residentMb()} MB resident, ${witness.acknowledged.size} transactions, the slowest ${witness.worstMs | 0} ms`,
    );
    t.equal(await server.stop(), 0, 'it ends');
    await Promise.all(idle.map((r) => r.ended));
    t.ok(await server.start(), server.output);
    t.same(await witness.lost(server.socket), [], 'nothing acknowledged is lost');
  });
}
