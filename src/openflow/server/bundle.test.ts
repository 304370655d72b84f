/** Bundles: what is refused when a message is added and what when all are applied, as ovs-vswitchd 3.1 was seen to do; and that order counts. */
import t from 'tap';
import { flowModFromText } from '../../bridge/flow-text.js';
import { FIELDS } from '../../flow/fields.js';
import { TunTable } from '../../flow/tun-table.js';
import { everyFlow, type FlowMod } from '../../flowtable/flow-mod.js';
import { PreparedFlows } from '../../flowtable/prepared.js';
import { VirtualClock } from '../../lib/clock.js';
import { decode, encode } from '../message.js';
import { BUNDLE, BUNDLE_FLAGS } from '../messages/bundle.js';
import { type FlowModMessage, fromFlowMod } from '../messages/flow-mod.js';
import { TestPeer } from '../testing/peer.js';
import { StubBridge } from '../testing/stub-bridge.js';
import { OpenFlowServer } from './server.js';

const VERSION = 5;
const OPTIONS = FIELDS.filter((f) => f.tunMetadata !== undefined);
const flags = BUNDLE_FLAGS.atomic | BUNDLE_FLAGS.ordered;

function modOf(line: string, command: FlowMod['command'] = 'add', tun?: TunTable): FlowModMessage {
  const mod = flowModFromText(line, command, () => undefined, tun);
  if (tun) mod.match.tun = tun;
  return fromFlowMod(mod, VERSION, false);
}

function serve() {
  const clock = new VirtualClock();
  const bridge = new StubBridge(clock);
  const server = new OpenFlowServer(bridge, clock, {
    fault: (e) => {
      throw e;
    },
  });
  const peer = new TestPeer(server);
  peer.send(encode('hello', {}, { version: VERSION, xid: 1 }));
  const control = (type: number, xid: number): void =>
    peer.send(encode('bundle_control', { id: 1, type, flags }, { version: VERSION, xid }));
  const add = (mod: FlowModMessage, xid: number): Uint8Array => {
    const message = encode('flow_mod', mod, { version: VERSION, xid });
    const request = encode('bundle_add', { id: 1, flags, message }, { version: VERSION, xid });
    peer.send(request);
    return request;
  };
  /** What came: type.code of errors, with the number of what they are about. */
  const told = async (): Promise<string[]> => {
    await peer.settle();
    return peer.take().map((hex) => {
      const m = decode(Uint8Array.from(Buffer.from(hex, 'hex')));
      return m.kind === 'error' ? `${m.value.type}.${m.value.code} of ${m.xid}` : `${m.kind} ${m.xid}`;
    });
  };
  /** Priorities and outputs of the flows there are. */
  const flows = (): string[] =>
    [...bridge.flows(everyFlow())]
      .map((r) => `${r.table} ${r.priority} ${r.actions.map((a) => (a.type === 'output' ? a.port : a.type))}`)
      .sort();
  return { clock, bridge, peer, control, add, told, flows };
}

const plain = modOf('actions=1');
const REFUSED: readonly (readonly [string, FlowModMessage, 'added' | 'applied', string])[] = [
  [
    'an action that does nothing',
    { ...plain, actions: modOf('ip,actions=mod_nw_src:1.2.3.4').actions },
    'added',
    '2.10',
  ],
  ['table 255', { ...plain, table: 255 }, 'added', '5.2'],
  ['a table of the switch itself', { ...plain, table: 254 }, 'added', '1.5'],
  ['an unknown command', { ...plain, command: 9 }, 'added', '5.6'],
  ['a jump back', { ...modOf('table=3,actions=goto_table:5'), table: 7 }, 'added', '3.2'],
  ['a match on the switch itself', modOf('recirc_id=1,actions=1'), 'added', '1.5'],
  ['a packet that waits', { ...plain, bufferId: 5 }, 'added', '1.8'],
  [
    'a deletion with an action that does nothing',
    { ...modOf('', 'delete'), actions: modOf('ip,actions=mod_nw_src:1.2.3.4').actions },
    'added',
    '2.10',
  ],
  ['a group that is not there', modOf('actions=group:9'), 'applied', '2.9'],
  ['a group that is not there, in a change', { ...modOf('actions=group:9'), command: 1 }, 'applied', '2.9'],
  ['a meter that is not there', modOf('actions=meter:9,1'), 'applied', '12.2'],
  ['an overlap', { ...plain, flags: 2 }, 'applied', '5.3'],
];

for (const [what, mod, when, error] of REFUSED) {
  t.test(`${what} is told when it is ${when}`, async (t) => {
    const { bridge, control, add, told, flows } = serve();
    bridge.flowMod(flowModFromText('ip,actions=3', 'add', () => undefined));
    control(BUNDLE.open, 2);
    add(modOf('priority=7,actions=1'), 3);
    add(mod, 4);
    add(modOf('priority=8,actions=1'), 5);
    t.same(await told(), ['bundle_control 2', ...(when === 'added' ? [`${error} of 4`] : [])]);
    control(BUNDLE.commit, 6);
    if (when === 'added') {
      t.same(await told(), ['bundle_control 6'], 'the others are applied');
      t.same(flows(), ['0 32768 3', '0 7 1', '0 8 1']);
    } else {
      t.same(await told(), [`${error} of 4`, '17.13 of 6']);
      t.same(flows(), ['0 32768 3'], 'nothing is left of the others');
    }
  });
}

t.test('an error is about the request that added the message', async (t) => {
  const { peer, control, add } = serve();
  control(BUNDLE.open, 2);
  const requests = [add({ ...plain, table: 255 }, 3), add(modOf('actions=group:9'), 4)];
  control(BUNDLE.commit, 5);
  await peer.settle();
  const errors = peer.take().flatMap((hex) => {
    const m = decode(Uint8Array.from(Buffer.from(hex, 'hex')));
    return m.kind === 'error' && m.xid < 5 ? [Buffer.from(m.value.data).toString('hex')] : [];
  });
  t.same(
    errors,
    requests.map((r) => Buffer.from(r).toString('hex')),
  );
});

t.test('messages are applied in the order they came', async (t) => {
  const { control, add, told, flows } = serve();
  control(BUNDLE.open, 2);
  const lines: readonly (readonly [string, FlowMod['command']])[] = [
    ['priority=1,actions=1', 'add'],
    ['priority=2,actions=1', 'add'],
    ['', 'delete'],
    ['priority=2,actions=2', 'add'],
    ['priority=3,tcp,tp_src=5,actions=2', 'add'],
    ['table=0,tcp,actions=3', 'modify'],
    ['priority=3,tcp,tp_src=6,actions=2', 'add'],
    ['priority=2,actions=4', 'add'],
  ];
  lines.forEach(([line, command], i) => void add(modOf(line, command), 10 + i));
  control(BUNDLE.commit, 3);
  t.same(await told(), ['bundle_control 2', 'bundle_control 3']);
  t.same(flows(), ['0 2 4', '0 3 2', '0 3 3']);
});

t.test('tunnel options that changed meanwhile: what was read is read again', async (t) => {
  const { bridge, control, add, told, flows } = serve();
  const tun = (index: number): TunTable =>
    new TunTable().with([{ index, optionClass: 1, optionType: 2, length: 4 }], (i) => OPTIONS[i]);
  bridge.tun = tun(0);
  control(BUNDLE.open, 2);
  add(modOf('priority=1,actions=1'), 3);
  add(modOf('tun_metadata0=5,actions=1', 'add', bridge.tun), 4);
  t.same(await told(), ['bundle_control 2']);
  bridge.tun = tun(1);
  control(BUNDLE.commit, 5);
  // NXFMFC_INVALID_TLV_FIELD, of an extension.
  t.match(await told(), [/ of 4$/, '17.13 of 5']);
  t.same(flows(), []);
});

t.test('flows keep what they match until they are taken, however many there are', (t) => {
  const flows = new PreparedFlows();
  const line = (i: number): string =>
    i % 3 === 0
      ? `priority=${i},tcp,nw_src=10.0.0.0/8,tp_dst=${i},actions=1`
      : `priority=${i},ipv6,ipv6_src=::${i},actions=1`;
  const n = 3000;
  for (let i = 0; i < n; i++) flows.push(flowModFromText(line(i), 'add', () => undefined));
  const bridge = new StubBridge(new VirtualClock());
  for (let i = 0; i < n; i++) bridge.addPrepared(flows.take());
  const other = new StubBridge(new VirtualClock());
  for (let i = 0; i < n; i++) other.flowMod(flowModFromText(line(i), 'add', () => undefined));
  const all = (b: StubBridge): string[] =>
    [...b.flows(everyFlow())].map((r) => `${r.priority} ${r.match.index} ${r.match.value} ${r.match.mask}`);
  t.same(all(bridge), all(other));
  t.equal(all(bridge).length, n);
  t.end();
});
