/**
 * What the database says of VLANs, mirrors, protected ports and patch ports, by its effect: for each set-up the same packets are traced on weft and on
 * Open vSwitch, both with dummy ports. The order of copies in a flood is nobody's promise and is not compared; what is done to each copy is.
 */
import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { RealDatabase } from '../support/database.js';
import { LiveSwitch } from '../support/live.js';
import { RealOvs } from '../support/ovs.js';

const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-vswitchd': OVS_PROGRAMS['ovs-vswitchd'],
  'ovs-appctl': OVS_PROGRAMS['ovs-appctl'],
});

const BASE = [
  ...['br0 p1 1', 'br0 p2 2', 'br0 p3 3', 'br0 p4 4', 'br1 q1 1', 'br1 q2 2', 'br1 q9 9'].map((p) => {
    const [br, name, number] = p.split(' ');
    return `add-port ${br} ${name} -- set interface ${name} ofport_request=${number}`;
  }),
  'add-port br0 pa -- set interface pa type=patch options:peer=pb ofport_request=10',
  'add-port br1 pb -- set interface pb type=patch options:peer=pa ofport_request=10',
];

interface SetUp {
  readonly what: string;
  readonly commands: readonly string[];
  /** Undone afterwards. */
  readonly undo: readonly string[];
  readonly flows?: readonly (readonly [bridge: string, flow: string])[];
  readonly packets?: readonly (readonly [bridge: string, flow: string])[];
}

const mirror = (bridge: string, columns: string, output: string | undefined): string =>
  `${output ? `-- --id=@o get port ${output} ` : ''}-- --id=@m create mirror name=m ${columns}${
    output ? ' output_port=@o' : ''
  } -- set bridge ${bridge} mirrors=@m`;

const UNICAST = 'dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:07,dl_type=0x1234';
const tagged = (vid: number): string => `${UNICAST},dl_vlan=${vid},dl_vlan_pcp=3`;
const EVERYWHERE = [1, 2, 3, 4].flatMap((n) => [
  ['br0', `in_port=${n},${UNICAST}`] as const,
  ['br0', `in_port=${n},${tagged(5)}`] as const,
  ['br0', `in_port=${n},${tagged(6)}`] as const,
]);

const SETUPS: readonly SetUp[] = [
  { what: 'trunks and patch ports', commands: [], undo: [] },
  {
    what: 'access ports',
    commands: ['set port p1 tag=5', 'set port p2 tag=5', 'set port p3 tag=6'],
    undo: ['clear port p1 tag', 'clear port p2 tag', 'clear port p3 tag'],
  },
  {
    what: 'native VLANs',
    commands: ['set port p1 vlan_mode=native-tagged tag=5', 'set port p2 vlan_mode=native-untagged tag=5 trunks=6'],
    undo: ['clear port p1 tag vlan_mode', 'clear port p2 tag vlan_mode trunks'],
  },
  {
    what: 'trunks of some VLANs, and priority tags',
    commands: ['set port p1 trunks=5,7', 'set port p2 tag=5 other_config:priority-tags=true', 'set port p3 tag=5'],
    undo: ['clear port p1 trunks', 'clear port p2 tag other_config', 'clear port p3 tag'],
  },
  {
    what: 'protected ports',
    commands: ['set port p1 protected=true', 'set port p2 protected=true'],
    undo: ['set port p1 protected=false', 'set port p2 protected=false'],
  },
  {
    what: 'everything to a port',
    commands: [mirror('br0', 'select_all=true', 'p3')],
    undo: ['clear bridge br0 mirrors'],
    packets: [...EVERYWHERE, ['br1', `in_port=1,${UNICAST}`]],
  },
  {
    what: 'what comes in by one port, cut',
    commands: [
      '-- --id=@p get port p1 -- --id=@o get port p3 -- --id=@m create mirror name=m select_src_port=@p output_port=@o snaplen=64 -- set bridge br0 mirrors=@m',
    ],
    undo: ['clear bridge br0 mirrors'],
  },
  {
    what: 'what goes out by one port',
    commands: [
      'set port p3 tag=5',
      '-- --id=@p get port p1 -- --id=@o get port p3 -- --id=@m create mirror name=m select_dst_port=@p output_port=@o -- set bridge br0 mirrors=@m',
    ],
    undo: ['clear bridge br0 mirrors', 'clear port p3 tag'],
  },
  {
    what: 'one VLAN to a port',
    commands: ['set port p1 tag=5', mirror('br0', 'select_all=true select_vlan=5', 'p3')],
    undo: ['clear bridge br0 mirrors', 'clear port p1 tag'],
  },
  {
    what: 'everything into a VLAN',
    commands: ['set port p1 tag=5', 'set port p4 tag=77', mirror('br0', 'select_all=true output_vlan=77', undefined)],
    undo: ['clear bridge br0 mirrors', 'clear port p1 tag', 'clear port p4 tag'],
    packets: [...EVERYWHERE, ['br0', 'in_port=1,dl_src=50:54:00:00:00:05,dl_dst=01:80:c2:00:00:02,dl_type=0x1234']],
  },
  {
    what: 'flows that rewrite, and a mirror',
    commands: [mirror('br0', 'select_all=true', 'p3')],
    flows: [
      ['br0', 'priority=9,in_port=1,actions=mod_vlan_vid:9,output:2'],
      ['br0', 'priority=9,in_port=2,actions=drop'],
      ['br0', 'priority=9,in_port=4,actions=output:1,mod_dl_dst:00:00:00:00:00:09,output:2,output:3'],
    ],
    undo: ['clear bridge br0 mirrors'],
  },
  {
    what: 'a mirror behind a patch port',
    commands: [mirror('br1', 'select_all=true', 'q9')],
    undo: ['clear bridge br1 mirrors'],
    packets: [
      ['br0', `in_port=1,${UNICAST}`],
      ['br1', `in_port=1,${UNICAST}`],
      ['br1', `in_port=9,${UNICAST}`],
    ],
  },
];

/** Datapath numbers differ from one switch to the other; dpctl/show and dpif/show tell whose they are. */
class Traced {
  private names: ReadonlyMap<string, string> = new Map();

  constructor(
    private readonly vsctl: (...args: string[]) => { status: number; stderr: string },
    private readonly run: (program: string, ...args: string[]) => string,
  ) {}

  command(line: string): void {
    const r = this.vsctl(...line.split(' ').filter(Boolean));
    if (r.status !== 0) throw new Error(`${line}: ${r.stderr}`);
  }

  flow(bridge: string, flow: string): void {
    this.run('ovs-ofctl', 'add-flow', bridge, flow);
  }

  learnNumbers(): void {
    const lines = this.run('ovs-appctl', 'dpctl/show').matchAll(/^ +port (\d+): (\S+)/gm);
    this.names = new Map([...lines].map((m) => [m[1], m[2]]));
  }

  /** Datapath actions, with names for numbers; the copies in order of their text. */
  trace(bridge: string, flow: string): string {
    const text = this.run('ovs-appctl', 'ofproto/trace', bridge, flow);
    const actions = /^Datapath actions: (.*)$/m.exec(text)?.[1] ?? text;
    const parts = actions.match(/(?:[^,(]|\([^)]*\))+/g) ?? [];
    let state: string[] = [];
    let cut = '';
    const copies: string[] = [];
    for (const p of parts) {
      if (/^\d+$/.test(p)) {
        copies.push(`${[...state].join(' ')} ${cut} > ${this.names.get(p) ?? p}`);
        cut = '';
      } else if (p === 'pop_vlan')
        state = state
          .filter((s) => !s.startsWith('push_vlan'))
          .concat(state.some((s) => s.startsWith('push_vlan')) ? [] : [p]);
      else if (p.startsWith('push_vlan') && state.includes('pop_vlan') && `in ${flow}`.includes(vlanOf(p)))
        state = state.filter((s) => s !== 'pop_vlan');
      else if (p.startsWith('trunc')) cut = p;
      else state.push(p);
    }
    return copies.length > 0 ? copies.sort().join('\n') : actions;
  }
}

function vlanOf(push: string): string {
  return `dl_vlan=${/vid=(\d+)/.exec(push)?.[1]},`;
}

t.test('packets go the same ways', { skip: refusal ?? false }, async (t) => {
  const ovs = new RealOvs();
  const db = new RealDatabase();
  const weft = new LiveSwitch([db.remote, '--enable-dummy=override']);
  t.teardown(async () => {
    await weft.close();
    db.close();
    ovs.close();
  });
  t.ok(await weft.ready(), weft.output);
  const both = [
    new Traced(
      (...args) => ovs.try('ovs-vsctl', [`--db=unix:${ovs.dir}/db.sock`, '--timeout=20', ...args]),
      (p, ...args) => ovs.run(p, ...args),
    ),
    new Traced(
      (...args) => db.vsctl(...args),
      (p, ...args) => {
        const r = weft.run(p, ...args);
        if (r.status !== 0) throw new Error(`${p} ${args.join(' ')}: ${r.stderr}`);
        return r.stdout;
      },
    ),
  ];
  for (const s of both) {
    for (const line of ['add-br br0', 'add-br br1', ...BASE]) s.command(line);
    s.learnNumbers();
  }
  for (const setup of SETUPS) {
    for (const s of both) {
      for (const line of setup.commands) s.command(line);
      for (const [bridge, flow] of setup.flows ?? []) s.flow(bridge, flow);
    }
    for (const [bridge, flow] of setup.packets ?? EVERYWHERE) {
      const [want, got] = both.map((s) => s.trace(bridge, flow));
      t.equal(got, want, `${setup.what}: ${bridge} ${flow}`);
    }
    for (const s of both) for (const line of setup.undo) s.command(line);
  }
});
