/** Text of datapath flows against the real ovs-vswitchd: it installs flows from our text and dumps them again. */
import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { formatDpActions, parseDpActions } from '../../src/datapath/text/actions.js';
import { formatDpKey, parseDpKey } from '../../src/datapath/text/flow.js';
import { put16 } from '../../src/lib/bytes.js';
import { Random } from '../../src/lib/random.js';
import { DP_KEY_BYTES, K, type Slot } from '../../src/packet/key.js';
import { RealOvs } from '../support/ovs.js';

const SEED = 11;
const FLOWS = 150;

interface KeyMask {
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
}

/** A flow that OVS's own reader takes: it wants exact ports, types and protocols. */
function randomFlow(r: Random, n: number): KeyMask {
  const d = { value: new Uint8Array(DP_KEY_BYTES), mask: new Uint8Array(DP_KEY_BYTES) };
  const exact = (s: Slot, v: number): void => {
    d.mask.fill(0xff, s.offset, s.offset + s.bytes);
    for (let i = 0; i < s.bytes; i++) d.value[s.offset + i] = Math.floor(v / 256 ** (s.bytes - 1 - i));
  };
  const maybe = (s: Slot, chance = 0.4): void => {
    if (!r.chance(chance)) return;
    for (let i = s.offset; i < s.offset + s.bytes; i++) {
      d.mask[i] = r.chance(0.6) ? 0xff : r.u32();
      d.value[i] = r.u32() & d.mask[i];
    }
  };
  exact(K.recircId, r.below(3));
  exact(K.inPort, (n % 2) + 1);
  for (const s of [K.pktMark, K.dpHash, K.ethDst]) maybe(s);
  // Its reader wants each header that the flow must have named, not only those that are matched.
  maybe(K.ethSrc, 1);
  if (r.chance(0.5)) exact(K.packetType, 0);
  const type = r.pick([0x0800, 0x0800, 0x86dd, 0x0806, 0x1234]);
  exact(K.ethType, type);
  if (type === 0x0806) {
    exact(K.nwProto, r.between(1, 2));
    for (const s of [K.nwSrc, K.nwDst, K.arpSha, K.arpTha]) maybe(s, 0.5);
  }
  if (type !== 0x0800 && type !== 0x86dd) return d;
  const six = type === 0x86dd;
  for (const s of six ? [K.ipv6Src, K.ipv6Dst, K.nwTos] : [K.nwSrc, K.nwDst, K.nwTos]) maybe(s);
  if (r.chance(0.4)) exact(K.nwTtl, r.below(256));
  exact(K.nwFrag, 0);
  d.mask[K.nwFrag.offset] = 3;
  const proto = r.pick(six ? [6, 17, 132, 58] : [6, 17, 132, 1]);
  exact(K.nwProto, proto);
  if (proto === 1 || proto === 58) {
    exact(K.tpSrc, proto === 58 ? 135 : r.below(256));
    exact(K.tpDst, proto === 58 ? 0 : r.below(256));
    if (proto === 58) maybe(K.ndTarget, 1);
  } else {
    maybe(K.tpSrc, 1);
    maybe(K.tpDst, 0.7);
  }
  if (proto === 6 && r.chance(0.5)) {
    put16(d.mask, K.tcpFlags.offset, r.below(0x1000));
    put16(
      d.value,
      K.tcpFlags.offset,
      r.below(0x1000) & (d.mask[K.tcpFlags.offset] * 256 + d.mask[K.tcpFlags.offset + 1]),
    );
  }
  return d;
}

/** Its reader does not know the MPLS, hash and recirculation actions that it prints. */
const ACTIONS = [
  '1',
  '1,2',
  'drop',
  'set(eth(src=01:02:03:04:05:06)),2',
  'set(ipv4(src=1.2.3.4,ttl=5)),2',
  'set(ipv4(tos=0x20/0xfc)),2',
  'set(ipv6(dst=::1,label=0x5)),2',
  'set(tcp(dst=80)),1',
  'set(udp(src=5/0xf)),1',
  'set(skb_mark(0x3/0xf)),set(skb_priority(0x3)),2',
  'push_vlan(vid=9,pcp=3),2',
  'push_vlan(tpid=0x88a8,vid=300,pcp=0),2',
  'pop_vlan,2',
  'trunc(100),2',
  'clone(set(eth(src=02:02:02:02:02:02)),1),2',
  'sample(sample=50.0%,actions(2)),1',
  'check_pkt_len(size=100,gt(2),le(1))',
  'meter(3),1',
  'userspace(pid=0,slow_path(action))',
  'set(arp(sip=1.2.3.4,op=2)),2',
  'set(nd(target=::1,sll=01:02:03:04:05:06)),2',
];

t.test('ovs-vswitchd reads our flows and prints them as we do', { skip: needPrograms(OVS_PROGRAMS) ?? false }, (t) => {
  const ovs = new RealOvs();
  t.teardown(() => ovs.close());
  ovs.addBridge('br0', 2);
  // They would delete what the pipeline did not ask for.
  ovs.appctl('revalidator/pause');
  const r = new Random(SEED);
  const refused: string[] = [];
  const faults: string[] = [];
  for (let n = 0; n < FLOWS; n++) {
    const d = randomFlow(r, n);
    const text = formatDpKey(d.value, d.mask);
    const actions = ACTIONS[n % ACTIONS.length];
    ovs.appctl('dpctl/del-flows');
    const added = ovs.try('ovs-appctl', ['dpctl/add-flow', text, actions]);
    if (added.status !== 0) {
      refused.push(`${text} | ${actions}: ${added.stderr}`);
      continue;
    }
    const line =
      ovs
        .appctl('dpctl/dump-flows')
        .split('\n')
        .find((l) => l.includes('actions:')) ?? '';
    const m = /^(.*?), packets:0, bytes:0, used:never, actions:(.*)$/.exec(line);
    const [, theirs, theirActions] = m ?? ['', line, ''];
    if (theirs !== text) faults.push(`ours:   ${text}\ntheirs: ${theirs}`);
    if (theirActions !== actions) faults.push(`ours:   ${actions}\ntheirs: ${theirActions}`);
    const back = parseDpKey(theirs);
    if (formatDpKey(back.value, back.mask) !== theirs) faults.push(`not read back: ${theirs}`);
    if (formatDpActions(parseDpActions(theirActions)) !== theirActions) faults.push(`not read back: ${theirActions}`);
  }
  t.same(faults.slice(0, 5), [], `seed ${SEED}`);
  t.same(refused.slice(0, 5), [], 'none is refused');
  t.end();
});
