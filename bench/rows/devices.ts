/** Two hosts with a switch between them, over veth pairs and over devices that the switch makes. */
import { join } from 'node:path';
import { frames, PEERS } from '../lib/files.js';
import type { Hosts, PingTimes, WakeTimes } from '../lib/hosts.js';
import { group, OURS, type Row, type Turn } from '../lib/row.js';
import { switchBetween } from '../lib/switches.js';

const SMALL = {
  what: '60-byte frames delivered of as many as the sender can send',
  unit: 'kpps',
  better: 'higher',
} as const;
const TCP = { what: 'one TCP connection', unit: 'Gbit/s', better: 'higher' } as const;

function pings(state: 'idle' | 'load', part: keyof PingTimes): Row<Hosts> {
  const when = state === 'idle' ? 'alone' : 'beside 50,000 frames a second';
  return {
    name: `ping-${state}-${part}`,
    what: `ping through the switch ${when}, ${part === 'average' ? 'average' : '99.9th percentile'}`,
    unit: 'ms',
    better: 'lower',
    targets: { ovs: 0.5, bridge: 3 },
    measure: (h, turn) => h.ping(state, part, turn),
  };
}

function wakes(part: keyof WakeTimes): Row<Hosts> {
  return {
    name: `wake-${part}`,
    what: `a frame after 1.1 s of silence, from one host to the other, ${part === 'median' ? 'median' : 'the worst'}`,
    unit: 'ms',
    better: 'lower',
    targets: { ovs: undefined, bridge: undefined },
    goal: 0.1,
    measure: (h, turn) => h.wake(part, turn),
  };
}

/** Small frames of a sender that is not the limit, and how many it got rid of. */
function floods(name: string, ...targets: readonly (readonly [peer: string, ratio: number])[]): Row<Hosts>[] {
  const common = { unit: 'kpps', better: 'higher' } as const;
  return [
    {
      name,
      what: '60-byte frames delivered of more than any switch takes',
      ...common,
      targets: Object.fromEntries(targets),
      measure: (h, turn) => h.flood('delivered', turn),
    },
    {
      name: `${name}-offered`,
      what: 'of how many those were: what the sender got rid of, beside the switch',
      ...common,
      targets: Object.fromEntries(targets.map(([peer]) => [peer, undefined])),
      measure: (h, turn) => h.flood('offered', turn),
    },
  ];
}

export const veth = group<Hosts>({
  name: 'veth',
  what: 'two hosts, each behind a veth pair with its default settings',
  sides: [OURS, 'ovs', 'ovs-tso', 'ovs-afxdp', 'bridge'].map((name) => switchBetween(name, 'veth')),
  rows: [
    { name: 'veth-small', ...SMALL, targets: { ovs: 3, 'ovs-afxdp': 1.2 }, measure: (h, turn) => h.small(turn) },
    ...floods('veth-small-fast', ['ovs', 3], ['ovs-afxdp', 1.2]),
    {
      name: 'veth-tcp',
      ...TCP,
      targets: { 'ovs-tso': 1.5, 'ovs-afxdp': 2, bridge: 0.9 },
      measure: (h, turn) => h.tcp(turn),
    },
    pings('idle', 'average'),
    pings('idle', 'p999'),
    pings('load', 'average'),
    pings('load', 'p999'),
    wakes('median'),
    wakes('worst'),
    {
      name: 'processor-10k',
      what: 'processor time of the switch for 10,000 frames a second',
      unit: 'ms/s',
      better: 'lower',
      targets: { ovs: 1 },
      measure: (h, turn) => h.processor('busy', turn),
    },
  ],
});

export const vethXdp = group<Hosts>({
  name: 'veth-xdp',
  what: "two hosts, each behind a veth pair whose outer end is the switch's by AF_XDP",
  sides: [OURS, 'ovs-afxdp'].map((name) => switchBetween(name, 'xdp')),
  rows: [
    { name: 'veth-xdp-small', ...SMALL, targets: { 'ovs-afxdp': 1.2 }, measure: (h, turn) => h.small(turn) },
    ...floods('veth-xdp-small-fast', ['ovs-afxdp', 1.2]),
    { name: 'veth-xdp-tcp', ...TCP, targets: { 'ovs-afxdp': 2 }, measure: (h, turn) => h.tcp(turn) },
    {
      name: 'veth-xdp-10k',
      what: 'processor time of the switch for 10,000 frames a second by AF_XDP',
      unit: 'ms/s',
      better: 'lower',
      targets: { 'ovs-afxdp': 1 },
      measure: (h, turn) => h.processor('busy', turn),
    },
  ],
});

/** A call a frame, and batches by io_uring. */
const BARE = ['bare-loop', 'bare-uring'];
const BESIDE_TAPS = { 'ovs-tso': 1.5, 'bare-loop': undefined, 'bare-uring': undefined };

export const tap = group<Hosts>({
  name: 'tap',
  what: 'two hosts, each with a TAP of the switch as its device',
  sides: [OURS, 'ovs-tso', ...BARE].map((name) => switchBetween(name, 'tap')),
  rows: [
    { name: 'tap-small', ...SMALL, targets: BESIDE_TAPS, measure: (h, turn) => h.small(turn) },
    { name: 'tap-tcp', ...TCP, targets: BESIDE_TAPS, measure: (h, turn) => h.tcp(turn) },
  ],
});

const PIPELINES = { 2: ['two', 'flows-two-tables.txt'], 10: ['ten', 'flows-ten-tables.txt'] } as const;

function newFlows(tables: keyof typeof PIPELINES, by: 'clock' | 'processor'): Row<Hosts> {
  const [word, file] = PIPELINES[tables];
  const how = by === 'clock' ? 'in a storm of them' : 'of processor time, 5,000 a second';
  return {
    name: `new-flows-${tables}-tables${by === 'clock' ? '' : '-processor'}`,
    what: `new flows through a pipeline of ${word} tables, ${how}: miss, translate, install`,
    unit: 'thousand/s',
    better: 'higher',
    targets: { ovs: 2 },
    measure: (h, turn) => h.newFlows(join(PEERS, file), by, turn),
  };
}

export const newFlow = group<Hosts>({
  name: 'new-flows',
  what: 'two hosts behind veth pairs; each frame is the first of its flow',
  sides: [OURS, 'ovs'].map((name) => switchBetween(name, 'veth')),
  rows: [newFlows(2, 'clock'), newFlows(10, 'clock'), newFlows(2, 'processor'), newFlows(10, 'processor')],
});

/** As many masks as a cache of prefixes may be brought to make by rules on three fields. */
const MASKS = [1, 8, 64, 512, 8192];

export const explosion = group<Hosts>({
  name: 'explosion',
  what: 'three hosts; frames of the third each make a mask of their own in the cache, 10,000 a second',
  sides: [OURS, 'ovs'].map((name) => {
    const side = switchBetween(name, 'veth', 3);
    return {
      name,
      async open(turn: Turn) {
        const hosts = await side.open(turn);
        hosts.rules(join(PEERS, 'flows-acl.txt'));
        return hosts;
      },
    };
  }),
  rows: MASKS.map((masks) => ({
    name: `explosion-${masks}`,
    what: `of 50,000 frames a second of good traffic, what arrives beside an attack of ${masks} masks`,
    unit: '%',
    better: 'higher',
    targets: { ovs: undefined },
    goal: 80,
    point: { plot: 'explosion', axis: 'masks of the attack', x: masks },
    measure: (h, turn) => h.beside(frames(masks, 'attack'), turn),
  })),
});
