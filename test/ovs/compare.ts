/**
 * weft beside a real ovs-vswitchd: the same pipeline, the same frames in, and the same frames must leave by the same ports in the same order. OVS has
 * dummy ports and a clock that stands still; weft has memory ports and a virtual clock.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { VlanSpec } from '../../src/bridge/vlan.js';
import { callControl } from '../../src/control/client.js';
import { newKey } from '../../src/flow/key.js';
import { formatHex, get16, put32 } from '../../src/lib/bytes.js';
import { Random } from '../../src/lib/random.js';
import { extract } from '../../src/packet/extract.js';
import { K } from '../../src/packet/key.js';
import { readPcap } from '../../src/packet/pcap.js';
import { wellFormedFrame } from '../../src/packet/random.js';
import { Switch, type SwitchBridge } from '../../src/switch/switch.js';
import { DEEP_TAGS } from '../../src/upcall/rewrite.js';
import { visibleGroups } from '../pipelines/random-groups.js';
import { type Pipeline, randomPipeline } from '../pipelines/random-pipeline.js';
import { RealOvs } from '../support/ovs.js';

const PORTS = 4;
const PACKETS = 50;

export interface Comparison {
  packets: number;
  /** Left out: OVS would do wrong. */
  skipped: number;
  pipelines: number;
  /** Frames that left OVS. */
  sent: number;
  differences: string[];
}

interface Arrival {
  readonly port: number;
  readonly frame: Uint8Array;
}

/** VLAN modes that ports have in turn, a row a world: as both sides are told. */
const MODES: readonly (readonly (readonly [string[], VlanSpec])[])[] = [
  [],
  [
    [['tag=1'], { tag: 1 }],
    [['tag=2'], { tag: 2 }],
    [['trunks=1,2'], { trunks: [1, 2] }],
    [['tag=1', 'vlan_mode=native-tagged'], { tag: 1, vlanMode: 'native-tagged' }],
  ],
  [
    [['tag=2', 'vlan_mode=native-untagged', 'trunks=1'], { tag: 2, vlanMode: 'native-untagged', trunks: [1] }],
    [['tag=2', 'other_config:priority-tags=if-nonzero'], { tag: 2, priorityTags: 'if-nonzero' }],
    [[], {}],
    [['tag=1', 'other_config:priority-tags=if-nonzero'], { tag: 1, priorityTags: 'if-nonzero' }],
  ],
];

class Judge {
  readonly ovs = new RealOvs();
  private readonly control: string;
  private readonly read = Array.from({ length: PORTS + 1 }, () => 0);

  constructor() {
    this.ovs.addBridge('br0', PORTS);
    this.ovs.appctl('time/stop');
    const name = readdirSync(this.ovs.dir).find((f) => /^ovs-vswitchd\.\d+\.ctl$/.test(f));
    if (!name) throw new Error('ovs-vswitchd has no control socket');
    this.control = join(this.ovs.dir, name);
  }

  call(method: string, ...params: string[]): Promise<string> {
    return callControl(connect(this.control), method, params);
  }

  setModes(modes: (typeof MODES)[number]): void {
    for (let i = 1; i <= PORTS; i++) {
      this.ovs.vsctl('clear', 'port', `p${i}`, 'tag', 'trunks', 'vlan_mode', 'other_config');
      const settings = modes[i - 1]?.[0] ?? [];
      if (settings.length > 0) this.ovs.vsctl('set', 'port', `p${i}`, ...settings);
    }
  }

  async load({ flows, version, groups = [] }: Pipeline): Promise<void> {
    this.ovs.ofctl('del-flows', 'br0');
    this.ovs.ofctl('-O', 'OpenFlow13', 'del-groups', 'br0');
    const g = this.ovs.try('ovs-ofctl', ['-O', 'OpenFlow15', 'add-groups', 'br0', '-'], `${groups.join('\n')}\n`);
    if (g.status !== 0) throw new Error(`ovs-ofctl refuses: ${g.stderr}\n${groups.join('\n')}`);
    const r = this.ovs.try('ovs-ofctl', ['-O', version, 'add-flows', 'br0', '-'], `${flows.join('\n')}\n`);
    if (r.status !== 0) throw new Error(`ovs-ofctl refuses: ${r.stderr}\n${flows.join('\n')}`);
    await this.call('fdb/flush', 'br0');
    await this.forget();
  }

  /** OVS brings its cached flows up to date in its own time; without any, each packet meets the tables as they are now. */
  forget(): Promise<string> {
    return this.call('revalidator/purge');
  }

  async receive(a: Arrival): Promise<void> {
    await this.call('netdev-dummy/receive', `p${a.port}`, formatHex(a.frame));
  }

  /** What left each port, once as much came as is expected, or nothing more comes for a while: OVS takes its time. */
  async sentAll(expected: string[][]): Promise<string[][]> {
    const out = this.sent();
    for (let tries = 0; tries < 5 && !same(out, expected); tries++) {
      await this.forget();
      this.sent().forEach((more, i) => void out[i].push(...more));
    }
    return out;
  }

  /** What left each port since the last time, as hex. */
  sent(): string[][] {
    const out: string[][] = [];
    for (let i = 1; i <= PORTS; i++) {
      const { records } = readPcap(readFileSync(this.ovs.capture(i)));
      out.push(records.slice(this.read[i]).map((r) => formatHex(r.frame)));
      this.read[i] = records.length;
    }
    return out;
  }
}

class Candidate {
  private readonly sw: Switch;
  readonly bridge: SwitchBridge;

  constructor(datapath: 'reference' | 'native', modes: (typeof MODES)[number], pipeline: Pipeline) {
    this.sw = new Switch({ datapath });
    this.bridge = this.sw.bridge('br0');
    for (let i = 1; i <= PORTS; i++) this.bridge.addPort(`p${i}`, { number: i, ...modes[i - 1]?.[1] });
    for (const g of pipeline.groups ?? []) this.bridge.addGroup(g);
    for (const f of pipeline.flows) this.bridge.addFlow(f);
  }

  /** Would the packet get a third tag? OVS forgets the innermost one then; weft does not. */
  isBeyondOvs(a: Arrival): boolean {
    const { bridge } = this.bridge;
    const key = newKey();
    put32(key, K.inPort.offset, bridge.port(a.port)?.vport ?? 0);
    extract(a.frame, key, 1);
    let deep = false;
    const tracer = {
      ...NO_TRACE,
      note: (text: string) => {
        if (text === DEEP_TAGS) deep = true;
      },
    };
    this.sw.core.upcalls.explain({ bridge, inPort: a.port, key, tracer });
    return deep;
  }

  receive(a: Arrival): void {
    this.bridge.port(`p${a.port}`).send(a.frame);
    this.sw.run();
    // What cached flows learned counts at once, as it does where nothing is cached.
    this.sw.core.upcalls.pushStatistics();
  }

  sent(): string[][] {
    const out: string[][] = [];
    for (let i = 1; i <= PORTS; i++)
      out.push(
        this.bridge
          .port(`p${i}`)
          .received()
          .map((f) => formatHex(f)),
      );
    return out;
  }

  close(): void {
    this.sw.close();
  }
}

function arrivals(r: Random): Arrival[] {
  return Array.from({ length: PACKETS }, () => ({ port: r.between(1, PORTS), frame: usualFrame(r) }));
}

const MAX_FRAME = 1500;
const EXTENSIONS = [0, 43, 44, 51, 60];

/**
 * Of IP, not what OVS treats wrongly: protocol 0, of which it sets no other field; later fragments, into whose payload it writes checksums; extension
 * headers of IPv6, where it leaves checksums when it sets an address.
 */
function isUsualIp(frame: Uint8Array, at: number): boolean {
  if (frame.length < at + 20) return false;
  if (frame[at] >> 4 === 4) return frame[at + 9] !== 0 && (get16(frame, at + 6) & 0x1fff) === 0;
  return frame[at] >> 4 === 6 && !EXTENSIONS.includes(frame[at + 6]);
}

/**
 * Not what exceeds the MTU of a dummy port, nor what else OVS treats wrongly: a length in place of a type, over which it pushes labels; ARP operation
 * 0, of which it sets no other field; more labels than its key holds, of which it cannot pop one.
 */
function isUsual(frame: Uint8Array): boolean {
  const key = newKey();
  if (frame.length > MAX_FRAME || !extract(frame, key, 1)) return false;
  let at = 12;
  while (at + 4 < frame.length && isTag(get16(frame, at))) at += 4;
  const type = get16(frame, at);
  at += 2;
  switch (type) {
    case 0x0800:
    case 0x86dd:
      return isUsualIp(frame, at);
    case 0x0806:
    case 0x8035:
      return key[K.nwProto.offset] !== 0;
    case 0x8847:
    case 0x8848: {
      const first = at;
      while (at + 4 < frame.length && !(frame[at + 2] & 1)) at += 4;
      return at - first < 12 && isUsualIp(frame, at + 4);
    }
    default:
      return type >= 0x600;
  }
}

function usualFrame(r: Random): Uint8Array {
  for (;;) {
    const frame = wellFormedFrame(r);
    if (isUsual(frame)) return frame;
  }
}

const isTag = (type: number): boolean => type === 0x8100 || type === 0x88a8;
const NO_TRACE = { bridge() {}, table() {}, open() {}, leave() {}, action() {}, note() {} };
const same = (a: string[][], b: string[][]): boolean => JSON.stringify(a) === JSON.stringify(b);

export interface CompareOptions {
  readonly packets: number;
  readonly seed: number;
  readonly datapath: 'reference' | 'native';
  /** Groups a pipeline sends to; default: none. */
  readonly groups?: number;
  /** Only this pipeline. */
  readonly only?: number;
}

export async function compareWithOvs(o: CompareOptions): Promise<Comparison> {
  const out: Comparison = { packets: 0, skipped: 0, pipelines: 0, sent: 0, differences: [] };
  const judge = new Judge();
  try {
    for (let n = o.only ?? 0; out.packets < o.packets && out.differences.length < 5; n++) {
      const modes = MODES[Math.floor(n / 8) % MODES.length];
      if (n % 8 === 0 || o.only !== undefined) judge.setModes(modes);
      await comparePipeline(judge, o, n, modes, out);
      if (o.only !== undefined) break;
    }
  } finally {
    judge.ovs.close();
  }
  return out;
}

async function comparePipeline(
  judge: Judge,
  o: CompareOptions,
  n: number,
  modes: (typeof MODES)[number],
  out: Comparison,
): Promise<void> {
  const r = new Random((Math.imul(o.seed, 1_000_003) + n) >>> 0);
  const sizes = { tables: 4, ports: PORTS, groups: o.groups ?? 0 };
  const random = randomPipeline(r, { ...sizes, hashes: false, cuts: modes.length === 0, stateful: r.chance(0.4) });
  const pipeline = { ...random, groups: visibleGroups(r, sizes) };
  const frames = arrivals(r);
  await judge.load(pipeline);
  judge.sent();
  const candidate = new Candidate(o.datapath, modes, pipeline);
  out.pipelines++;
  for (const a of frames) {
    if (candidate.isBeyondOvs(a)) {
      out.skipped++;
      continue;
    }
    await judge.receive(a);
    await judge.forget();
    candidate.receive(a);
    out.packets++;
  }
  const got = candidate.sent();
  const wanted = await judge.sentAll(got);
  candidate.close();
  out.sent += wanted.reduce((sum, list) => sum + list.length, 0);
  if (!same(wanted, got)) out.differences.push(await explain(judge, o, n, modes, pipeline, frames));
}

/** The same once more, packet by packet, to the first that goes another way. */
async function explain(
  judge: Judge,
  o: CompareOptions,
  n: number,
  modes: (typeof MODES)[number],
  pipeline: Pipeline,
  frames: readonly Arrival[],
): Promise<string> {
  await judge.load(pipeline);
  judge.sent();
  const candidate = new Candidate(o.datapath, modes, pipeline);
  for (const [i, a] of frames.entries()) {
    if (candidate.isBeyondOvs(a)) continue;
    await judge.receive(a);
    await judge.forget();
    candidate.receive(a);
    const got = candidate.sent();
    const wanted = await judge.sentAll(got);
    if (same(wanted, got)) continue;
    const show = (lists: string[][], others: string[][]): string =>
      lists
        .map(
          (l, p) =>
            `  p${p + 1}: ${l.length} frames\n${l.map((f, k) => (f === others[p][k] ? '' : `    ${k}: ${f}\n`)).join('')}`,
        )
        .join('');
    const trace = judge.ovs.try('ovs-appctl', ['ofproto/trace', 'br0', `in_port=p${a.port}`, formatHex(a.frame)]);
    return [
      `pipeline ${n}, packet ${i} into p${a.port}: ${formatHex(a.frame)}`,
      `OVS sends\n${show(wanted, got)}`,
      `weft sends\n${show(got, wanted)}`,
      ...(pipeline.groups ?? []),
      ...pipeline.flows,
      trace.stdout,
      trace.stderr,
    ].join('\n');
  }
  return `pipeline ${n}: differs only when not looked at`;
}
