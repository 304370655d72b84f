/** encap and decap: what Open vSwitch's trace says of them, and the frames, through both datapaths. */
import t from 'tap';
import { formatHex, parseHex } from '../lib/bytes.js';
import { tracePacketOutCommand } from './commands/trace-command.js';
import { Switch } from './switch.js';

const FRAME = '02000000000302000000000108004500001c00010000401166cf0a0000010a0000020035003500080000';
const PUSH = 'push_nsh(flags=0,ttl=63,mdtype=1,np=3,spi=0x0,si=255,c1=0x0,c2=0x0,c3=0x0,c4=0x0)';
const BARE = 'push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:00)';

const LABEL = 'add_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847)';

/** Actions, and the datapath actions that ovs-vswitchd makes of them. */
const TRACES: readonly (readonly [actions: string, datapath: string])[] = [
  [
    'encap(nsh(md_type=1)),set_field:0x1234->nsh_spi,set_field:7->nsh_si,set_field:0x11223344->nsh_c1,encap(ethernet),set_field:11:22:33:44:55:66->eth_dst,output:2',
    'push_nsh(flags=0,ttl=63,mdtype=1,np=3,spi=0x1234,si=7,c1=0x11223344,c2=0x0,c3=0x0,c4=0x0),push_eth(src=00:00:00:00:00:00,dst=11:22:33:44:55:66),P2',
  ],
  [
    'encap(nsh(md_type=2,tlv(0x1000,10,0x12345678),tlv(0x2000,20,0xfedcba9876543210))),set_field:0x1234->nsh_spi,encap(ethernet),output:2',
    `push_nsh(flags=0,ttl=63,mdtype=2,np=3,spi=0x1234,si=255,md2=0x10000a041234567820001408fedcba9876543210),${BARE},P2`,
  ],
  ['encap(nsh(md_type=1)),output:2', 'drop'],
  [
    'encap(nsh(md_type=1)),encap(nsh(md_type=1)),encap(ethernet),output:2',
    `${PUSH},${PUSH.replace('np=3', 'np=4')},${BARE},P2`,
  ],
  ['encap(nsh(md_type=1)),decap(),output:2', `${PUSH},pop_nsh(),recirc(0x1)`],
  ['decap(),output:2', 'drop'],
  ['decap(),encap(ethernet),output:2', `pop_eth,${BARE},P2`],
  // What was set before stands before the header is off.
  [
    'set_queue:3,set_field:00:00:00:00:00:05->eth_src,decap(),encap(ethernet),output:2',
    `set(eth(src=00:00:00:00:00:05)),set(skb_priority(0x3)),pop_eth,${BARE},P2`,
  ],
  ['encap(mpls),output:2', 'drop'],
  ['encap(mpls),encap(ethernet),output:2', `${LABEL},${BARE},P2`],
  [
    'encap(mpls_mc),set_field:77->mpls_label,set_field:3->mpls_tc,set_field:9->mpls_ttl,dec_mpls_ttl,encap(ethernet),set_field:00:00:00:00:00:02->eth_dst,output:2',
    'add_mpls(label=77,tc=3,ttl=8,bos=1,eth_type=0x8848),push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:02),P2',
  ],
  [
    'clone(encap(mpls),set_field:77->mpls_label,encap(mpls),set_field:78->mpls_label,encap(ethernet),output:2),output:3',
    `clone(${LABEL.replace('=0', '=77')},add_mpls(label=78,tc=0,ttl=64,bos=0,eth_type=0x8847),${BARE},P2),P3`,
  ],
  ['decap(),encap(mpls),encap(ethernet),output:2', `pop_eth,${LABEL},${BARE},P2`],
  ['encap(nsh(md_type=1)),encap(mpls),encap(ethernet),output:2', `${PUSH},${LABEL},${BARE},P2`],
  [
    'encap(nsh(md_type=1)),encap(ethernet),output:2,decap(),decap(),output:3',
    `${PUSH},${BARE},P2,pop_eth,pop_nsh(),recirc(0x1)`,
  ],
];

function make(datapath: 'native' | 'reference') {
  const sw = new Switch({ datapath });
  const br = sw.bridge('br0');
  const ports = [1, 2, 3, 4].map((number) => br.addPort(`p${number}`, { number }));
  return { sw, br, ports };
}

t.test('datapath actions', (t) => {
  for (const [actions, datapath] of TRACES) {
    const { sw, br } = make('reference');
    br.addFlow(`in_port=1,actions=${actions}`);
    const text = /Datapath actions: (.*)/.exec(br.trace('in_port=1,ip,dl_src=02:00:00:00:00:01'))?.[1];
    const port = (n: number): string => String(br.bridge.port(n)?.vport);
    t.equal(
      text,
      datapath.replace(/P(\d)/g, (_, n: string) => port(Number(n))),
      actions,
    );
    sw.close();
  }
  t.end();
});

/** Actions of a packet that cannot have them, the packet, and what ovs-vswitchd's trace says. */
const REFUSED: readonly (readonly [actions: string, packet: string, text: string])[] = [
  ['encap(ethernet),2', 'ip', 'Dropping packet as encap(ethernet) is not supported for packet type ethernet.'],
  [
    'decap(),encap(nsh(md_type=1)),2',
    'arp',
    'Dropping packet as encap(nsh) is not supported for packet type (1,0x806)',
  ],
  ['decap(),decap(),2', 'ip', 'Dropping packet as the decap() does not support packet type (1,0x800)'],
  ['decap(),decap(),2', 'dl_type=0x894f,nsh_np=7', 'Dropping packet as NSH next protocol 7 is not supported'],
  ['decap(),2', 'dl_vlan=5,ip', 'Dropping packet, cannot decap Ethernet if VLAN is present.'],
];

t.test('headers that cannot be put on or taken off: the packet is dropped, and a trace says why', (t) => {
  for (const [actions, packet, why] of REFUSED) {
    const { sw, br } = make('reference');
    br.addFlow(`in_port=1,actions=3,${actions}`);
    const text = br.trace(`in_port=1,${packet}`);
    t.match(text, `\n    ${why}\n`, actions);
    t.match(
      text,
      'Datapath actions: drop\nTranslation failed (Unsupported packet type), packet is dropped.\n',
      actions,
    );
    sw.close();
  }
  t.end();
});

t.test('a tag is inside of what is put around the frame', (t) => {
  const { sw, br } = make('reference');
  br.addFlow('in_port=1,actions=encap(mpls),encap(ethernet),pop_vlan,2');
  const text = br.trace('in_port=1,dl_vlan=3,ip');
  t.match(text, '-> the tag of the frame is inside');
  t.notOk(/Datapath actions: .*pop_vlan/.test(text), text);
  sw.close();
  t.end();
});

t.test('more labels than a key has room for: said where there is a packet, not its description alone', (t) => {
  for (const [label, what] of [
    ['push_mpls:0x8847', 'an MPLS push action'],
    ['encap(mpls)', 'an encap MPLS action'],
  ]) {
    const { sw } = make('reference');
    const trace = (...packet: string[]): string =>
      tracePacketOutCommand(sw.core, ['br0', ...packet, `${`${label},`.repeat(4)}output:2`]);
    const said = `     >>>> dropping packet on which ${what} can't be performed as it would have more MPLS LSEs than the 3 supported. <<<<`;
    t.ok(trace('in_port=1', FRAME).includes(said), label);
    t.notOk(trace('in_port=1,ip').includes('>>>>'), label);
    t.match(trace('in_port=1,ip'), 'Translation failed (Too many MPLS labels)', label);
    sw.close();
  }
  t.end();
});

for (const datapath of ['native', 'reference'] as const) {
  t.test(`${datapath}: out in a header and back again`, (t) => {
    const { sw, br, ports } = make(datapath);
    const nsh = 'encap(nsh(md_type=1)),set_field:0x1234->nsh_spi,set_field:7->nsh_si,set_field:0x11223344->nsh_c1';
    br.addFlows(`
      in_port=1,actions=${nsh},encap(ethernet),set_field:11:22:33:44:55:66->eth_dst,output:2
      in_port=2,dl_type=0x894f,nsh_spi=0x1234,actions=dec_nsh_ttl,output:3
      in_port=3,dl_type=0x894f,actions=decap(),decap(),resubmit(,1)
      table=1,udp,nw_dst=10.0.0.2,actions=4
      in_port=4,dl_type=0x894f,actions=clone(decap(),decap(),output:1),output:2`);
    for (let again = 0; again < 2; again++) {
      ports[0].send(parseHex(FRAME));
      sw.run();
      const [wrapped] = ports[1].received();
      const header = '0fc6010300123407112233440000000000000000000000000';
      t.equal(formatHex(wrapped), `112233445566000000000000894f${header.slice(0, 48)}${FRAME}`);
      ports[1].send(wrapped);
      sw.run();
      const [older] = ports[2].received();
      t.equal(formatHex(older).slice(28, 32), '0f86', 'a TTL less');
      ports[2].send(older);
      sw.run();
      t.same(
        ports[3].received().map((f) => formatHex(f)),
        [FRAME],
      );
      ports[3].send(wrapped);
      sw.run();
      t.same(
        ports[0].received().map((f) => formatHex(f)),
        [FRAME],
        'a copy is unwrapped',
      );
      t.same(
        ports[1].received().map((f) => formatHex(f)),
        [formatHex(wrapped)],
        'and the packet is not',
      );
    }
    sw.close();
    t.end();
  });

  t.test(`${datapath}: under labels and back again`, (t) => {
    const { sw, br, ports } = make(datapath);
    br.addFlows(`
      in_port=1,actions=encap(mpls),set_field:77->mpls_label,encap(mpls),encap(ethernet),set_field:11:22:33:44:55:66->eth_dst,output:2
      in_port=2,mpls,actions=decap(),decap(packet_type(ns=1,type=0x8847)),decap(packet_type(ns=0,type=0)),resubmit(,1)
      table=1,udp,nw_dst=10.0.0.2,actions=3
      in_port=3,actions=decap(),encap(mpls_mc),encap(ethernet),output:4
      in_port=4,mplsm,actions=decap(),decap(packet_type(ns=1,type=0x800)),resubmit(,2)
      table=2,packet_type=(1,0x800),nw_dst=10.0.0.2,actions=encap(ethernet),output:1`);
    const pass = (from: number, to: number, frame: string): string => {
      ports[from - 1].send(parseHex(frame));
      sw.run();
      return ports[to - 1]
        .received()
        .map((f) => formatHex(f))
        .join(' ');
    };
    for (let again = 0; again < 2; again++) {
      const labelled = `1122334455660000000000008847${'0004d040'}${'0004d140'}${FRAME}`;
      t.equal(pass(1, 2, FRAME), labelled);
      t.equal(pass(2, 3, labelled), FRAME, 'a frame under labels');
      const routed = `0000000000000000000000008848${'00000140'}${FRAME.slice(28)}`;
      t.equal(pass(3, 4, FRAME), routed);
      t.equal(pass(4, 1, routed), `0000000000000000000000000800${FRAME.slice(28)}`, 'a packet under a label');
      const deeper = `${routed.slice(0, 28)}0000004000001040${routed.slice(28)}`;
      t.equal(
        pass(4, 1, deeper),
        `0000000000000000000000000800${FRAME.slice(28)}`,
        'what is no label is under all of them, and rules see it',
      );
    }
    sw.close();
    t.end();
  });
}

for (const datapath of ['native', 'reference'] as const) {
  t.test(`${datapath}: addresses that a bucket's Ethernet header replaced come back, each packet's its own`, (t) => {
    const { sw, br, ports } = make(datapath);
    br.addGroup('group_id=1,type=indirect,bucket=resubmit(,1)');
    br.addFlows(`
      dl_type=0x894f,actions=group:1,3
      table=1,dl_type=0x894f,actions=decap(),encap(ethernet),set_field:22:22:22:22:22:22->eth_dst,2`);
    const rest = `894f0fc6010300123407${'11'.repeat(16)}${FRAME}`;
    for (const addresses of ['020000000001020000000003', '020000000002020000000004']) {
      ports[0].send(parseHex(addresses + rest));
      sw.run();
      const sent = ports.map((p) => p.received().map((f) => formatHex(f)));
      t.same(sent, [[], [`222222222222000000000000${rest}`], [addresses + rest], []]);
    }
    sw.close();
    t.end();
  });
}

t.test('a copy is no level of resubmits: as deep without one', (t) => {
  for (const actions of ['resubmit(,0)', 'clone(resubmit(,0))', 'clone(clone(resubmit(,0)))']) {
    const { sw, br, ports } = make('reference');
    br.addFlow(`actions=${actions}`);
    ports[0].send(parseHex(FRAME));
    sw.run();
    sw.core.upcalls.pushStatistics();
    t.match(br.dumpFlows(), 'n_packets=65,', actions);
    sw.close();
  }
  t.end();
});
