/**
 * Malformed frames into a switch on real devices: whatever arrives, it goes on forwarding, and every frame is accounted for. Nearly every frame is
 * a flow of its own, which the pipeline has to see: frames are sent no faster than it takes them, or most would be dropped before it.
 */
import { type Host, NetLab, until } from '../../src/cli/lab/netlab.js';
import { Random } from '../../src/lib/random.js';
import { randomFrame } from '../../src/packet/random.js';
import { type LiveCounters, LiveSwitch, unbalanced } from '../support/live.js';
import { generate } from '../support/traffic.js';

export interface MalformedResult {
  sent: number;
  /** Frames that the kernel would not send: shorter than an Ethernet header. */
  refused: number;
  received: number;
  /** Of those received, the share that the slow path had no room for. */
  unseen: number;
  drops: Record<string, number>;
  pings: Record<string, boolean>;
  unbalanced: string[];
  residentMb: number;
  exit: number | string;
  output: string;
}

/** Looks at every layer, changes most of them, learns. */
const PIPELINE = [
  'table=0,priority=5,mpls,actions=pop_mpls:0x0800,resubmit(,1)',
  'table=0,priority=4,dl_vlan=5,actions=strip_vlan,resubmit(,1)',
  'table=0,priority=3,vlan_tci=0x1000/0x1000,actions=mod_vlan_pcp:3,resubmit(,1)',
  'table=0,priority=0,actions=resubmit(,1)',
  'table=1,priority=9,icmp,actions=resubmit(,2)',
  'table=1,priority=9,icmp6,actions=resubmit(,2)',
  'table=1,priority=8,arp,actions=resubmit(,2)',
  'table=1,priority=7,tcp,tp_dst=0x80/0xff80,actions=dec_ttl,mod_tp_dst:81,resubmit(,2)',
  'table=1,priority=7,udp,nw_src=128.0.0.0/1,actions=mod_nw_tos:8,mod_nw_dst:10.9.9.9,resubmit(,2)',
  'table=1,priority=6,ip,actions=dec_ttl,push_vlan:0x8100,mod_vlan_vid:9,resubmit(,2)',
  'table=1,priority=6,ipv6,actions=dec_ttl,push_mpls:0x8847,resubmit(,2)',
  'table=1,priority=0,actions=resubmit(,2)',
  // Nobody is behind a group address: learnt, it would send all broadcasts the wrong way.
  'table=2,priority=9,dl_src=01:00:00:00:00:00/01:00:00:00:00:00,actions=resubmit(,3)',
  'table=2,priority=1,actions=learn(table=3,hard_timeout=10,limit=2000,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,3)',
  'table=3,priority=0,actions=FLOOD',
];

/** Frames between two looks at the counters: few enough to slow down in time, and bounded memory whatever the number in all. */
const SLICE = 4000;
/** More of a slice than this dropped before the pipeline: half as fast from then on. */
const UNSEEN = 0.02;
const SLOWEST = 500;

/** Drops by reason, and what was received, over all ports. */
function total(counters: Record<string, Record<string, LiveCounters>>): {
  received: number;
  drops: Record<string, number>;
} {
  const drops: Record<string, number> = {};
  let received = 0;
  for (const ports of Object.values(counters)) {
    for (const c of Object.values(ports)) {
      received += c.rx_packets;
      for (const [name, n] of Object.entries(c.drops)) drops[name] = (drops[name] ?? 0) + n;
    }
  }
  return { received, drops };
}

const unseenOf = (drops: Record<string, number>): number => (drops.upcall_queue_full ?? 0) + (drops.upcall_rate ?? 0);

/** `rate`: frames a second at most; 0: as fast as they go. */
export async function malformed(frames: number, seed: number, rate: number): Promise<MalformedResult> {
  const lab = new NetLab('wfm');
  let sw: LiveSwitch | undefined;
  try {
    const host = (n: number) => lab.host(`${n}`, { address: `10.78.${n <= 2 ? 1 : 2}.${n}/24` });
    const [n1, n2, p1, p2] = [1, 2, 3, 4].map(host);
    sw = new LiveSwitch(['--bridge', `wfm-n=${n1.outer},${n2.outer}`, '--bridge', `wfm-p=${p1.outer},${p2.outer}`]);
    if (!(await sw.ready())) throw new Error(sw.output);
    for (const flow of PIPELINE) {
      const r = sw.run('weft', 'ofctl', '-O', 'OpenFlow13', 'add-flow', 'wfm-p', flow);
      if (r.status !== 0) throw new Error(`${flow}: ${r.stderr}`);
    }
    const rng = new Random(seed);
    let sent = 0;
    let refused = 0;
    let pace = rate;
    let before = total(sw.counters());
    for (let left = frames; left > 0 && sw.running; left -= SLICE) {
      for (const from of [n1, p1]) {
        const done = await send(from, rng, Math.ceil(Math.min(SLICE, left) / 2), pace);
        sent += done.sent;
        refused += done.refused;
      }
      if (!sw.running) break;
      const now = total(sw.counters());
      const unseen = unseenOf(now.drops) - unseenOf(before.drops);
      if (unseen > UNSEEN * (now.received - before.received)) pace = Math.max(SLOWEST, pace / 2);
      else if (pace < rate) pace = Math.min(rate, pace * 1.1);
      before = now;
    }
    const pings: Record<string, boolean> = {};
    if (sw.running) {
      for (const [what, from, to] of [
        ['NORMAL', n1, '10.78.1.2'],
        ['pipeline', p1, '10.78.2.4'],
      ] as const) {
        const answers = () => lab.insideAsync(from.ns, 'ping', '-c', '1', '-W', '1', to).then((r) => r.status === 0);
        pings[what] = await until(answers, 20_000);
      }
    }
    const counters = sw.running ? sw.counters() : {};
    const { received, drops } = total(counters);
    const residentMb = sw.running ? Math.round(sw.residentKb() / 1024) : 0;
    const exit = await sw.stop();
    return {
      sent,
      refused,
      received,
      unseen: unseenOf(drops) / Math.max(1, received),
      drops,
      pings,
      unbalanced: unbalanced(counters),
      residentMb,
      exit,
      output: sw.output,
    };
  } finally {
    await sw?.close();
    lab.close();
  }
}

async function send(from: Host, rng: Random, n: number, rate: number): Promise<{ sent: number; refused: number }> {
  const frames: Uint8Array[] = [];
  while (frames.length < n) {
    const f = randomFrame(rng);
    if (f.length > 0 && f.length <= 1514) frames.push(f);
  }
  const load = generate(from.ns, frames, { count: n, rate });
  await until(() => load.counters().done, 60_000);
  const { sent, refused } = load.counters();
  load.stop();
  return { sent, refused };
}
