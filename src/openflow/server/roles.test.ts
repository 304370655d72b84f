/** Several controllers at once: roles and their generations, who hears what, and how much of it. */
import t from 'tap';
import { flowModFromText } from '../../bridge/flow-text.js';
import { KEY_BYTES } from '../../flow/key.js';
import { VirtualClock } from '../../lib/clock.js';
import { Framer } from '../framing.js';
import { decode, encode, type Message } from '../message.js';
import { duplexPair } from '../testing/duplex-pair.js';
import { TestPeer } from '../testing/peer.js';
import { StubBridge } from '../testing/stub-bridge.js';
import { OpenFlowServer } from './server.js';
import { ROLE } from './session.js';

function serve() {
  const clock = new VirtualClock();
  const bridge = new StubBridge(clock);
  const server = new OpenFlowServer(bridge, clock, {
    fault: (e) => {
      throw e;
    },
  });
  return { clock, bridge, server };
}

class Controller {
  private readonly peer: TestPeer;

  constructor(
    server: OpenFlowServer,
    readonly version: number,
  ) {
    this.peer = new TestPeer(server, 'primary');
    this.peer.send(encode('hello', {}, { version, xid: 1 }));
  }

  /** What came since the last call. */
  async got(): Promise<Message[]> {
    await this.peer.settle();
    return this.peer.take().map((hex) => decode(Uint8Array.from(Buffer.from(hex, 'hex'))));
  }

  async ask(bytes: Uint8Array): Promise<Message[]> {
    this.peer.send(bytes);
    return this.got();
  }

  role(role: number, generation: bigint): Promise<Message[]> {
    // 1.0 and 1.1 have Nicira's request alone, whose numbers are one less and which knows no generations.
    const name = this.version < 3 ? 'NXT_ROLE_REQUEST' : undefined;
    return this.ask(encode('role_request', { role, generation }, { version: this.version, xid: 7, name }));
  }

  flow(line: string): Promise<Message[]> {
    const mod = flowModFromText(line, 'add', () => undefined);
    const all = { cookie: 0n, cookieFilter: 0n, cookieMask: 0n, modifyCookie: false, idleTimeout: 0, hardTimeout: 0 };
    const none = { bufferId: 0xffffffff, outPort: 0xffffffff, outGroup: 0xffffffff, importance: 0 };
    const value = { ...all, ...none, command: 0, table: mod.table, priority: mod.priority, flags: 1 };
    return this.ask(
      encode('flow_mod', { ...value, match: mod.match, actions: mod.actions }, { version: this.version, xid: 8 }),
    );
  }
}

const is = (role: number, generation?: bigint) => ({
  kind: 'role_reply',
  xid: 7,
  value: generation === undefined ? { role } : { role, generation },
});
const IS_SECONDARY = [{ kind: 'error', xid: 8, value: { type: 1, code: 10 } }];

t.test('two that want to be in charge', async (t) => {
  for (const version of [3, 4, 5, 6]) {
    const { server } = serve();
    const [a, b] = [new Controller(server, version), new Controller(server, version)];
    t.match(await a.role(ROLE.noChange, 0n), [is(ROLE.equal)], 'both are equal at first');
    t.same(await a.flow('actions=1'), [], 'and may change flows');
    t.same(await b.flow('actions=2'), []);
    t.match(await a.role(ROLE.primary, 5n), [is(ROLE.primary, 5n)]);
    t.match(await b.role(ROLE.noChange, 0n), [is(ROLE.equal)], 'an equal one stays equal');
    t.match(await b.role(ROLE.primary, 6n), [is(ROLE.primary, 6n)]);
    // OFPPR_MASTER_REQUEST: from 1.4 on it is told.
    const told =
      version >= 5 ? [{ kind: 'role_status', value: { role: ROLE.secondary, reason: 0, generation: 6n } }] : [];
    t.match(await a.got(), [], 'not unless it asked to be told');
    t.match(await a.flow('actions=3'), IS_SECONDARY, `a secondary one of 1.${version - 1} may not`);
    t.match(await a.role(ROLE.noChange, 0n), [is(ROLE.secondary, 6n)]);
    // OFPET_ROLE_REQUEST_FAILED, OFPRRFC_STALE.
    const stale = [{ kind: 'error', xid: 7, value: { type: 11, code: 0 } }];
    t.match(await a.role(ROLE.primary, 5n), stale, 'an old generation is stale');
    t.match(await a.role(ROLE.secondary, 5n), stale);
    t.match(await a.role(ROLE.equal, 0n), [is(ROLE.equal)], 'an equal needs none');
    t.match(await a.role(ROLE.primary, 0x8000000000000005n), [is(ROLE.primary)], 'generations go round');
    t.match(await b.flow('actions=3'), IS_SECONDARY);
    if (version >= 5) {
      const pairs = [0, 0, 0, 1, 0, 0].map((n) => [n, n] as const);
      t.same(await a.ask(encode('set_async', { pairs }, { version, xid: 2 })), []);
      await b.role(ROLE.primary, 0x8000000000000006n);
      t.match(
        await a.got(),
        told.map((m) => ({ ...m, value: { ...m.value, generation: 0x8000000000000006n } })),
        'who asks to be told is',
      );
    }
    // OFPRRFC_BAD_ROLE.
    t.match(await a.role(9, 0n), [{ kind: 'error', xid: 7, value: { type: 11, code: 2 } }]);
    server.close();
  }
});

t.test('who hears what', async (t) => {
  const { server, bridge } = serve();
  const all = [1, 3, 4, 5, 6].map((version) => new Controller(server, version));
  const [old, , quiet, second, fifth] = all;
  const heard = async (): Promise<string[]> => {
    const lists = await Promise.all(all.map((c) => c.got()));
    return lists.map((list) => list.map((m) => m.kind).join(' '));
  };
  await heard();
  const events = (): void => {
    bridge.portMod(1, (bridge.list[0].config ^ 1) & 1, 1);
    const key = new Uint8Array(KEY_BYTES);
    const up = { frame: new Uint8Array(60), totalLen: 60, maxLen: 128, reason: 1, table: 0, cookie: 0n, key };
    for (const l of bridge.listeners) l.packetIn?.({ ...up, controllerId: 0, userdata: new Uint8Array(0) });
  };
  events();
  t.same(await heard(), Array(5).fill('port_status packet_in'), 'all hear all at first');
  // Reasons: of packet-ins none, of port changes only additions, of removed flows none.
  const pairs = (p: number, q: number) =>
    [
      [p, p],
      [q, q],
      [0, 0],
    ] as const;
  await quiet.ask(encode('set_async', { pairs: pairs(0, 1) }, { version: 4, xid: 1 }));
  await second.role(ROLE.secondary, 1n);
  const nx = { version: 1, xid: 1, name: 'NXT_SET_ASYNC_CONFIG' };
  await old.ask(encode('set_async', { pairs: pairs(0, 7) }, nx));
  await fifth.ask(encode('set_async', { pairs: pairs(0x3f, 0) }, { version: 6, xid: 1 }));
  events();
  t.same(
    await heard(),
    ['port_status', 'port_status packet_in', '', 'port_status', 'packet_in'],
    'each by its own wishes',
  );
  t.match(
    await quiet.ask(encode('get_async_request', {}, { version: 4, xid: 3 })),
    [
      {
        kind: 'get_async_reply',
        value: {
          pairs: [
            [0, 0],
            [1, 1],
            [0, 0],
          ],
        },
      },
    ],
    'which it can ask for',
  );
  server.close();
});

t.test('no more packets a second than a controller can take', async (t) => {
  const { server, bridge, clock } = serve();
  const [ours, theirs] = duplexPair();
  const framer = new Framer();
  let ups = 0;
  ours.on('data', (d: Uint8Array) => {
    for (const m of framer.push(d) ?? []) if (m[1] === 10) ups++;
  });
  const connection = server.accept(theirs, 'primary', { rate: { rate: 100, burst: 25 } });
  ours.write(encode('hello', {}, { version: 4, xid: 1 }));
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  await settle();
  const key = new Uint8Array(KEY_BYTES);
  const up = (reason: number): void => {
    const what = { frame: new Uint8Array(60), totalLen: 60, maxLen: 128, reason, table: 0, cookie: 0n, key };
    for (const l of bridge.listeners) l.packetIn?.({ ...what, controllerId: 0, userdata: new Uint8Array(0) });
  };
  for (let i = 0; i < 1000; i++) up(1);
  await settle();
  t.equal(ups, 10, 'what a tenth of a second has room for at once');
  up(6);
  await settle();
  t.equal(ups, 11, 'misses have a share of their own');
  for (let ms = 0; ms < 200; ms++) clock.advance(1);
  await settle();
  t.ok(ups >= 29 && ups <= 32, `then at the rate: ${ups} after a fifth of a second`);
  const [action] = server.status(connection)?.pacing?.slice(1) ?? [];
  t.ok((action?.dropped ?? 0) > 900, `${action?.dropped} dropped`);
  clock.advance(60_000);
  await settle();
  t.equal(ups, 10 + 1 + 25, 'and what waited: as many as the burst');
  server.close();
});
