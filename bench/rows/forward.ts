/**
 * Memory to memory, one worker: frames of a capture held in memory go round and round through the switch and are freed behind it. The peer is OVS-DPDK with
 * ports of the same sort. Rates are packets a second of the worker's processor time.
 */
import { join } from 'node:path';
import { Dpdk } from '../lib/dpdk.js';
import { frames, PEERS } from '../lib/files.js';
import { group, OURS, type Row, type RowFacts, type Session, type Side, type Turn } from '../lib/row.js';
import { weftBench } from '../lib/weft-bench.js';

interface Case {
  readonly what: string;
  readonly unit?: string;
  readonly better?: RowFacts['better'];
  readonly exact?: boolean;
  readonly target?: number;
  ours(turn: Turn): number;
  /** Of ovs-dpdk-forward; without one there is no peer. */
  readonly theirs?: string;
}

/** Of so many microflows. */
const forwarding =
  (flows: number, ...args: readonly string[]) =>
  (turn: Turn): number => {
    const common = ['--frames', frames(flows), '--seconds', String(turn.seconds)];
    return weftBench<{ mpps_processor: number }>('forward', ...common, ...args).mpps_processor;
  };

const rules = (file: string): [string, string] => ['--flows', join(PEERS, file)];

const upcalls = (file: string) => {
  const flows = 100_000;
  return weftBench<{ flows_per_second: number; bytes_per_flow: number }>(
    ...['upcall', '--flows', String(flows), '--frames', frames(flows), '--pipeline', join(PEERS, file)],
  );
};
const newFlows = { unit: 'thousand/s' } as const;

const CASES: Readonly<Record<string, Case>> = {
  'forward-simple': {
    what: 'one flow that matches the port',
    ours: forwarding(1, ...rules('flows-simple.txt')),
    theirs: 'simple',
    target: 2,
  },
  'forward-microflow': {
    what: '1,000 microflows, two masks',
    ours: forwarding(1000, ...rules('flows-few-masks.txt')),
    theirs: 'microflow',
    target: 2,
  },
  'forward-megaflow': {
    what: 'the same without microflow caches',
    ours: forwarding(1000, ...rules('flows-few-masks.txt'), '--no-microflow'),
    theirs: 'megaflow',
    target: 2.5,
  },
  'forward-10k': {
    what: '10,000 exact megaflows without microflow caches',
    ours: forwarding(10_000, ...rules('flows-five-tuple.txt'), '--no-microflow'),
    theirs: 'exact10k',
    target: 3,
  },
  'forward-20-masks': {
    what: '10,000 megaflows under 20 masks in turn, caches as they come',
    ours: forwarding(10_000, ...rules('flows-20-masks.txt')),
    theirs: 'masks20',
    target: 3,
  },
  'forward-20-masks-megaflow': {
    what: 'the same without microflow caches',
    ours: forwarding(10_000, ...rules('flows-20-masks.txt'), '--no-microflow'),
    theirs: 'masks20-megaflow',
    target: 3,
  },
  'memory-megaflow': {
    what: 'memory that 100,000 new flows take, resident',
    unit: 'bytes',
    better: 'lower',
    exact: true,
    ours: () => upcalls('flows-five-tuple.txt').bytes_per_flow,
    theirs: 'memory',
    target: 1,
  },
  'forward-100k': {
    what: '100,000 megaflows',
    ours: forwarding(100_000, ...rules('flows-five-tuple.txt')),
    theirs: 'flows100k',
    target: 3,
  },
  'forward-1m': {
    what: '1,000,000 megaflows (of OVS-DPDK by four ports, as its pools of frames end at 262,144)',
    exact: true,
    ours: forwarding(1_000_000, ...rules('flows-five-tuple.txt'), '--max-flows', '1100000'),
    theirs: 'flows1m',
    target: 3,
  },
  'new-flows-2-tables-memory': {
    what: 'the same, memory to memory: new flows through a pipeline of two tables: miss, translate, install',
    ...newFlows,
    ours: () => upcalls('flows-two-tables.txt').flows_per_second / 1000,
    theirs: 'upcall2',
  },
  'new-flows-10-tables-memory': {
    what: 'the same, memory to memory: new flows through a pipeline of ten tables',
    ...newFlows,
    ours: () => upcalls('flows-ten-tables.txt').flows_per_second / 1000,
    theirs: 'upcall10',
  },
  'forward-vxlan': {
    what: 'into a VXLAN tunnel, 1,000 flows',
    ours: forwarding(1000, '--tunnel', 'vxlan', '--encap'),
    theirs: 'vxlan',
    target: 1.5,
  },
  'forward-gre': {
    what: 'into a GRE tunnel, 1,000 flows',
    ours: forwarding(1000, '--tunnel', 'gre', '--encap'),
    theirs: 'gre',
    target: 1.5,
  },
  'forward-vxlan-decap': {
    what: 'out of a VXLAN tunnel',
    ours: forwarding(1000, '--tunnel', 'vxlan', '--decap'),
    theirs: 'vxlan-decap',
    target: 0.9,
  },
  'forward-gre-decap': {
    what: 'out of a GRE tunnel',
    ours: forwarding(1000, '--tunnel', 'gre', '--decap'),
    theirs: 'gre-decap',
    target: 0.9,
  },
};

interface Forwarder extends Session {
  measure(c: Case, turn: Turn): number | Promise<number>;
}

const weft: Side<Forwarder> = {
  name: OURS,
  async open() {
    return { measure: (c, turn) => c.ours(turn), close() {} };
  },
};

const dpdk: Side<Forwarder> = {
  name: 'ovs-dpdk',
  async open(turn) {
    const peer = new Dpdk(turn);
    return { measure: (c) => peer.measure(c.theirs ?? ''), close: () => peer.close() };
  },
};

export const forward = group({
  name: 'forward',
  what: 'memory to memory, 60-byte frames (64 with check sequence), one worker; packets a second of its processor time',
  sides: [weft, dpdk],
  rows: Object.entries(CASES).map(
    ([name, c]): Row<Forwarder> => ({
      name,
      what: c.what,
      unit: c.unit ?? 'Mpps',
      better: c.better ?? 'higher',
      exact: c.exact,
      targets: c.theirs === undefined ? {} : { 'ovs-dpdk': c.target },
      measure: (s, turn) => s.measure(c, turn),
    }),
  ),
});
