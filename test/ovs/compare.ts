/**
 * weft beside a real ovs-vswitchd: the same pipeline, the same frames in, and the same frames must leave by the same ports in the same order. OVS has
 * dummy ports and a clock that stands still; weft has memory ports and a virtual clock.
 */
import { formatHex } from '../../src/lib/bytes.js';
import { Random } from '../../src/lib/random.js';
import { visibleGroups } from '../pipelines/random-groups.js';
import { type Pipeline, randomPipeline } from '../pipelines/random-pipeline.js';
import { Candidate, type World } from './candidate.js';
import { type Arrival, arrivals, PORTS, Sent } from './frames.js';
import { Judge, METERS, MODES } from './judge.js';
import { type Foresight, foreseeAll } from './scout.js';

const PACKETS = 50;

export interface Comparison {
  packets: number;
  /** Left out: OVS would do wrong. */
  skipped: number;
  pipelines: number;
  /** Pipelines at which OVS crashed. */
  lost: number;
  /** Frames that left OVS. */
  sent: number;
  differences: string[];
}

export interface CompareOptions {
  readonly packets: number;
  readonly seed: number;
  readonly datapath: 'reference' | 'native';
  /** Groups a pipeline sends to; default: none. */
  readonly groups?: number;
  /** Every action there is; see test/pipelines/more-actions.ts. */
  readonly wide?: boolean;
  /** Only this pipeline. */
  readonly only?: number;
  /** The first pipeline; default: 0. */
  readonly from?: number;
  /** Hears of what happens while it happens. */
  readonly say?: (text: string) => void;
}

/** Pipelines of one world: a change of it takes OVS a while. */
const WORLD = 8;
/** Pipelines between two words of how it goes. */
const PROGRESS = 100;
/** More differences say nothing new. */
const ENOUGH = 5;

function worldOf(n: number, o: CompareOptions): World {
  const k = Math.floor(n / WORLD);
  const vlanLimit = o.wide && Math.floor(k / MODES.length) % 2 === 1 ? 2 : 1;
  return { datapath: o.datapath, modes: MODES[k % MODES.length], vlanLimit };
}

export async function compareWithOvs(o: CompareOptions): Promise<Comparison> {
  const out: Comparison = { packets: 0, skipped: 0, pipelines: 0, lost: 0, sent: 0, differences: [] };
  let judge = new Judge();
  try {
    const first = o.only ?? o.from ?? 0;
    for (let n = first; out.packets < o.packets && out.differences.length < ENOUGH; n++) {
      const world = worldOf(n, o);
      if (n % WORLD === 0 || n === first) judge.setModes(world.modes, world.vlanLimit);
      const found = out.differences.length;
      try {
        await comparePipeline(judge, n, world, caseOf(o, n, world), out);
      } catch (e) {
        if (!(await judge.isGone())) throw e;
        // It ended by an assertion of its own: a pipeline that has no right answer.
        o.say?.(`pipeline ${n} ended ovs-vswitchd: ${judge.lastWords()}`);
        judge.close();
        judge = new Judge();
        judge.setModes(world.modes, world.vlanLimit);
        out.lost++;
      }
      for (const d of out.differences.slice(found)) o.say?.(`${d}\n`);
      if (n % PROGRESS === PROGRESS - 1) o.say?.(`${n + 1} pipelines, ${out.packets} packets`);
      if (o.only !== undefined) break;
    }
  } finally {
    judge.close();
  }
  return out;
}

/** What is done to both sides. */
interface Case {
  readonly pipeline: Pipeline;
  readonly frames: readonly Arrival[];
  readonly foreseen: readonly Foresight[];
  /** Does no packet change what the next one meets? */
  readonly trains: boolean;
}

function caseOf(o: CompareOptions, n: number, world: World): Case {
  const r = new Random((Math.imul(o.seed, 1_000_003) + n) >>> 0);
  const meters = o.wide ? METERS.length : 0;
  const sizes = { tables: 4, ports: PORTS, groups: o.groups ?? 0, meters, wide: o.wide };
  // What a port that is down is sent is committed in OVS, and a later cut counts from there.
  const cuts = world.modes.length === 0 && r.chance(0.6);
  const stateful = r.chance(0.4);
  const random = randomPipeline(r, { ...sizes, hashes: false, cuts, stateful });
  const pipeline = { ...random, groups: visibleGroups(r, sizes) };
  const frames = arrivals(r, PACKETS, { flows: o.wide && !cuts ? pipeline.flows : [], trains: !stateful });
  return { pipeline, frames, foreseen: foreseeAll(world, pipeline, frames), trains: !stateful };
}

async function throughOvs(judge: Judge, { frames, foreseen, trains }: Case): Promise<void> {
  let train: Arrival[] = [];
  const go = async (): Promise<void> => {
    if (train.length > 0) await judge.receiveTrain(train);
    train = [];
  };
  for (const [i, a] of frames.entries()) {
    if (a.changes.length > 0 || a.port !== train[0]?.port) await go();
    await judge.pass(a);
    if (foreseen[i].beyondOvs) continue;
    if (trains) train.push(a);
    else await judge.receive(a);
  }
  await go();
}

interface Outcome {
  readonly sent: Sent;
  readonly counters: readonly string[];
  readonly leaks: readonly string[];
}

function throughWeft(world: World, { pipeline, frames, foreseen }: Case): Outcome {
  const candidate = new Candidate(world, pipeline);
  try {
    const sent = new Sent();
    for (const [i, a] of frames.entries()) {
      for (const c of a.changes) candidate.change(c);
      if (foreseen[i].beyondOvs) continue;
      candidate.receive(a);
      sent.add(candidate.sent(), !foreseen[i].comesBack);
    }
    return { sent, counters: candidate.counters(), leaks: candidate.leaks() };
  } finally {
    candidate.close();
  }
}

async function comparePipeline(judge: Judge, n: number, world: World, it: Case, out: Comparison): Promise<void> {
  const { pipeline, frames, foreseen } = it;
  await judge.load(pipeline);
  judge.sent();
  await throughOvs(judge, it);
  const got = throughWeft(world, it);
  const wanted = await judge.sentAll(got.sent);
  out.pipelines++;
  out.skipped += foreseen.filter((f) => f.beyondOvs).length;
  out.packets += frames.length - foreseen.filter((f) => f.beyondOvs).length;
  out.sent += wanted.reduce((sum, list) => sum + list.length, 0);
  if (got.leaks.length > 0) out.differences.push(`pipeline ${n}: not conserved: ${got.leaks.join('; ')}`);
  if (!got.sent.same(wanted)) {
    out.differences.push(await explain(judge, n, world, it, [wanted, got.sent]));
    return;
  }
  // Bytes of packets that are not Ethernet count differently (docs/compatibility.md).
  const bare = pipeline.flows.some((f) => f.includes('decap'));
  // What a port that is down is sent makes OVS change the packet, and a flood where ports have VLAN modes leaves it as the last port has it: a later meter
  // counts what it is then.
  const loose = world.modes.length > 0 || frames.some((a) => a.changes.some((c) => c.kind === 'port'));
  const comparable = (lines: readonly string[]): string[] =>
    lines.map((l) => (loose ? l.replace(/^(meter:\d+ \d+) \d+/, '$1') : l));
  const counters = bare ? [] : differing(comparable(await judge.counters()), comparable(got.counters));
  if (counters.length > 0)
    out.differences.push(
      [`pipeline ${n}: counters differ`, ...counters, ...(pipeline.groups ?? []), ...pipeline.flows].join('\n'),
    );
}

function differing(ovs: readonly string[], weft: readonly string[]): string[] {
  const only = (a: readonly string[], b: readonly string[], who: string): string[] =>
    a.filter((l) => !b.includes(l)).map((l) => `  ${who} ${l}`);
  return [...only(ovs, weft, 'OVS '), ...only(weft, ovs, 'weft')];
}

/** How many frames left each port, and those that are others than of the other. */
function shown(lists: readonly (readonly string[])[], others: readonly (readonly string[])[]): string {
  const port = (l: readonly string[], p: number): string =>
    [
      `  p${p + 1}: ${l.length} frames`,
      ...l.map((f, k) => (f === others[p][k] ? '' : `    ${k}: ${f}`)).filter(Boolean),
    ]
      .map((line) => `${line}\n`)
      .join('');
  return lists.map(port).join('');
}

/** The same once more, packet by packet, to the first that goes another way. */
async function explain(judge: Judge, n: number, world: World, it: Case, first: [string[][], Sent]): Promise<string> {
  const { pipeline, frames, foreseen } = it;
  const tables = [...(pipeline.groups ?? []), ...pipeline.flows];
  const both = (ovs: string[][], { ports }: Sent): string[] => [
    `OVS sends\n${shown(ovs, ports)}`,
    `weft sends\n${shown(ports, ovs)}`,
    ...tables,
  ];
  await judge.load(pipeline);
  judge.sent();
  const candidate = new Candidate(world, pipeline);
  try {
    for (const [i, a] of frames.entries()) {
      for (const c of a.changes) candidate.change(c);
      await judge.pass(a);
      if (foreseen[i].beyondOvs) continue;
      await judge.receive(a);
      candidate.receive(a);
      const sent = new Sent();
      sent.add(candidate.sent(), !foreseen[i].comesBack);
      const wanted = await judge.sentAll(sent);
      if (sent.same(wanted)) continue;
      const frame = formatHex(a.frame);
      const trace = judge.ovs.try('ovs-appctl', ['ofproto/trace', 'br0', `in_port=p${a.port}`, frame]);
      const title = `pipeline ${n}, packet ${i} into p${a.port}: ${frame}`;
      return [title, ...both(wanted, sent), trace.stdout, trace.stderr].join('\n');
    }
    return [`pipeline ${n} differs, but not packet by packet:`, ...both(...first)].join('\n');
  } finally {
    candidate.close();
  }
}
