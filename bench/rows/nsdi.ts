/**
 * Tables 1 and 2 of Pfaff et al., The Design and Implementation of Open vSwitch (NSDI 2015): what each part of the classifier is worth in flows and masks of the cache,
 * and how many subtables a packet asks. Four rules, of which one looks at TCP ports, and many short TCP connections between two hosts that it is not about.
 *
 * The paper's figures are of its own traffic (netperf's TCP_CRR for minutes), and quoted from memory: they were not found where they could be checked. So the column has no
 * target, and only its shape says something: of the order of the connections, or a handful. What must be equal are the counts of Open vSwitch, which is fed the same frames
 * as ours, on dummy ports.
 */

import { flowModFromText } from '../../src/bridge/flow-text.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { KEY_WORDS, newKey, words } from '../../src/flow/key.js';
import { FlowTables } from '../../src/flowtable/tables.js';
import { TupleClassifier, type TupleParts } from '../../src/flowtable/tuple.js';
import { put16, put32 } from '../../src/lib/bytes.js';
import { VirtualClock } from '../../src/lib/clock.js';
import { Random } from '../../src/lib/random.js';
import { extract } from '../../src/packet/extract.js';
import { K, type Slot } from '../../src/packet/key.js';
import { RealOvs } from '../../test/support/ovs.js';
import { group, Missing, OURS, type Row, type Session, type Side } from '../lib/row.js';

const RULES = [
  'priority=40,arp,actions=NORMAL',
  'priority=30,ip,nw_dst=11.1.1.1/16,actions=output:2',
  'priority=20,tcp,nw_dst=9.1.1.1,tp_src=10,tp_dst=10,actions=output:2',
  'priority=10,ip,nw_dst=9.1.1.1/24,actions=output:2',
];
const CONNECTIONS = 10_000;
/** Of which Open vSwitch is fed. A command a frame; more would add connections, not flows. */
const FED = 150;
/** Packets of a connection each way. */
const PACKETS = 5;
/** The datapath always looks at these. */
const ALWAYS: readonly Slot[] = [K.inPort, K.recircId, K.ethType, K.packetType];

const HOSTS = [0x09010102, 0x09010103];

function frame(from: number, type: number): Uint8Array {
  const f = new Uint8Array(60);
  f.set([2, 0, 0, 0, 0, 2 - from, 2, 0, 0, 0, 0, 1 + from]);
  put16(f, 12, type);
  return f;
}

function arp(from: number): Uint8Array {
  const f = frame(from, 0x0806);
  f.set([0, 1, 8, 0, 6, 4, 0, 1 + from, 2, 0, 0, 0, 0, 1 + from], 14);
  put32(f, 28, HOSTS[from]);
  put32(f, 38, HOSTS[1 - from]);
  return f;
}

function tcp(from: number, ports: readonly [number, number]): Uint8Array {
  const f = frame(from, 0x0800);
  f.set([0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6], 14);
  put32(f, 26, HOSTS[from]);
  put32(f, 30, HOSTS[1 - from]);
  put16(f, 34, ports[from]);
  put16(f, 36, ports[1 - from]);
  f[46] = 0x50;
  return f;
}

interface Arrival {
  readonly port: number;
  readonly frame: Uint8Array;
}

/** One frame each way of each connection, and ARP before. */
function* traffic(connections: number): Generator<Arrival> {
  const r = new Random(1);
  for (const from of [0, 1]) yield { port: 1 + from, frame: arp(from) };
  for (let i = 0; i < connections; i++) {
    const ports = [32768 + r.below(28232), 1024 + r.below(60000)] as const;
    for (const from of [0, 1]) yield { port: 1 + from, frame: tcp(from, ports) };
  }
}

interface Counts {
  readonly flows: number;
  readonly masks: number;
  /** Subtables asked a packet, without and with a microflow cache before them. */
  readonly asked: number;
  readonly askedCached: number;
}

const join = (w: Uint32Array) => Buffer.from(w.buffer, w.byteOffset, w.byteLength).toString('latin1');

/** The classifier alone makes the masks: no action of these rules looks at more. */
function count(parts: TupleParts): Counts {
  const tables = new FlowTables(new VirtualClock(), () => new TupleClassifier(parts));
  for (const rule of RULES) tables.flowMod(flowModFromText(rule, 'add', () => undefined));
  const mask = new Uint32Array(KEY_WORDS);
  const bytes = new Uint8Array(mask.buffer);
  // By mask, in order of age: their flows.
  const cache = new Map<string, { readonly mask: Uint32Array; readonly flows: Set<string> }>();
  let packets = 0;
  let asked = 0;
  let askedFirst = 0;
  for (const { port, frame } of traffic(CONNECTIONS)) {
    const key = newKey();
    extract(frame, key, 1);
    put32(key, K.inPort.offset, port);
    const k = words(key);
    const masked = (m: Uint32Array) => join(k.map((w, i) => w & m[i]));
    let place = 0;
    let hit = false;
    for (const sub of cache.values()) {
      place++;
      hit = sub.flows.has(masked(sub.mask));
      if (hit) break;
    }
    if (!hit) {
      mask.fill(0);
      for (const s of ALWAYS) bytes.fill(0xff, s.offset, s.offset + s.bytes);
      tables.lookup(0, k, mask);
      const name = join(mask);
      const sub = cache.get(name) ?? { mask: mask.slice(), flows: new Set<string>() };
      cache.set(name, sub);
      sub.flows.add(masked(sub.mask));
      place = [...cache.keys()].indexOf(name) + 1;
    }
    packets += PACKETS;
    asked += place * PACKETS;
    // A later packet asks the microflow cache: one.
    askedFirst += place + PACKETS - 1;
  }
  const flows = [...cache.values()].reduce((n, s) => n + s.flows.size, 0);
  return { flows, masks: cache.size, asked: asked / packets, askedCached: askedFirst / packets };
}

/** Of what the paper has a row: which parts are in use, and its flows and masks. */
interface Variant {
  readonly parts: TupleParts;
  readonly paper: Partial<Counts>;
}

const NONE: TupleParts = { priorityOrder: false, stages: false, tries: false };
const ALL: TupleParts = { priorityOrder: true, stages: true, tries: true };
const VARIANTS: Readonly<Record<string, Variant>> = {
  none: { parts: NONE, paper: { flows: 905_758, masks: 3, asked: 2.45, askedCached: 1.29 } },
  priority: { parts: { ...NONE, priorityOrder: true }, paper: { flows: 794_124, masks: 4 } },
  prefix: { parts: { ...NONE, tries: true }, paper: { flows: 13, masks: 10 } },
  staged: { parts: { ...NONE, stages: true }, paper: { flows: 14, masks: 13 } },
  all: { parts: ALL, paper: { flows: 15, masks: 14, asked: 3.21, askedCached: 1.68 } },
};

interface Counter extends Session {
  counts(variant: string): Partial<Counts>;
}

const once = (name: string, counts: (variant: string) => Partial<Counts>): Side<Counter> => ({
  name,
  async open() {
    const known = new Map<string, Partial<Counts>>();
    return {
      counts(variant) {
        const c = known.get(variant) ?? counts(variant);
        known.set(variant, c);
        return c;
      },
      close() {},
    };
  },
});

/** Flows that a real one makes of the same frames. Its database ends before this returns: a dummy one that stays keeps a processor busy. */
function real(): Partial<Counts> {
  const missing = needPrograms(OVS_PROGRAMS);
  if (missing) throw new Missing(missing);
  const ovs = new RealOvs();
  try {
    // Flows do not age meanwhile.
    ovs.appctl('time/stop');
    ovs.addBridge('br0', 2);
    for (const rule of RULES) ovs.ofctl('add-flow', 'br0', rule);
    for (const { port, frame } of traffic(FED)) ovs.receive(`p${port}`, Buffer.from(frame).toString('hex'));
    const dump = ovs
      .appctl('dpctl/dump-flows', '-m')
      .split('\n')
      .filter((l) => l.includes('recirc_id'));
    // Masks: what is left when values are taken out.
    const masks = new Set(
      dump.map((l) =>
        l
          .replace(/^.*?recirc_id/, '')
          .replace(/, packets:.*/, '')
          .replace(/[^=/,()]*\//g, '/')
          .replace(/=[^/,()]+/g, '')
          .replace(/\([^=/,()]+\)/g, '()'),
      ),
    );
    return { flows: dump.length, masks: masks.size };
  } finally {
    ovs.close();
  }
}

function rowsOf(name: string): Row<Counter>[] {
  const { paper } = VARIANTS[name];
  const row = (what: keyof Counts, said: string, unit: string): Row<Counter> => ({
    name: `nsdi-${name}-${what}`,
    what: `${said}, ${name === 'all' || name === 'none' ? name : `only ${name}`} of the classifier's parts in use`,
    unit,
    better: 'lower',
    exact: true,
    targets: {
      ...(what in paper ? { paper: undefined } : {}),
      ...(name === 'all' && (what === 'flows' || what === 'masks') ? { ovs: 1 } : {}),
    },
    measure(s) {
      const value = s.counts(name)[what];
      if (value === undefined) throw new Missing('not known');
      return value;
    },
  });
  return [
    row('flows', `flows in the cache after ${CONNECTIONS} TCP connections`, 'flows'),
    row('masks', 'their masks', 'masks'),
    row('asked', 'subtables asked a packet without microflow cache', 'subtables'),
    row('askedCached', 'the same with it', 'subtables'),
  ];
}

export const nsdi = group<Counter>({
  name: 'nsdi',
  what: 'what each part of the classifier does for the cache (tables 1 and 2 of the NSDI 2015 paper on Open vSwitch; of its figures, quoted from memory, only the shape)',
  sides: [once(OURS, (v) => count(VARIANTS[v].parts)), once('paper', (v) => VARIANTS[v].paper), once('ovs', real)],
  rows: Object.keys(VARIANTS).flatMap(rowsOf),
});
