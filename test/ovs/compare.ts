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
import { foreseeAll } from './scout.js';

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

function enter(judge: Judge, world: World): void {
  judge.setModes(world.modes);
  judge.setVlanLimit(world.vlanLimit);
}

export async function compareWithOvs(o: CompareOptions): Promise<Comparison> {
  const out: Comparison = { packets: 0, skipped: 0, pipelines: 0, lost: 0, sent: 0, differences: [] };
  let judge = new Judge();
  try {
    for (let n = o.only ?? 0; out.packets < o.packets && out.differences.length < ENOUGH; n++) {
      const world = worldOf(n, o);
      if (n % WORLD === 0 || o.only !== undefined) enter(judge, world);
      const found = out.differences.length;
      try {
        await comparePipeline(judge, o, n, world, out);
      } catch (e) {
        if (!(await judge.isGone())) throw e;
        // It ended by an assertion of its own: a pipeline that has no right answer.
        o.say?.(`pipeline ${n} ended ovs-vswitchd: ${judge.lastWords()}`);
        judge.close();
        judge = new Judge();
        enter(judge, world);
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

async function comparePipeline(
  judge: Judge,
  o: CompareOptions,
  n: number,
  world: World,
  out: Comparison,
): Promise<void> {
  const r = new Random((Math.imul(o.seed, 1_000_003) + n) >>> 0);
  const meters = o.wide ? METERS.length : 0;
  const sizes = { tables: 4, ports: PORTS, groups: o.groups ?? 0, meters, wide: o.wide };
  // What a port that is down is sent is committed in OVS, and a later cut counts from there.
  const cuts = world.modes.length === 0 && r.chance(0.6);
  const random = randomPipeline(r, { ...sizes, hashes: false, cuts, stateful: r.chance(0.4) });
  const pipeline = { ...random, groups: visibleGroups(r, sizes) };
  const frames = arrivals(r, PACKETS, o.wide && !cuts ? pipeline.flows : []);
  const foreseen = foreseeAll(world, pipeline, frames);
  await judge.load(pipeline);
  judge.sent();
  const candidate = new Candidate(world, pipeline);
  out.pipelines++;
  const got = new Sent();
  for (const [i, a] of frames.entries()) {
    for (const c of a.changes) candidate.change(c);
    const { beyondOvs, comesBack } = foreseen[i];
    if (beyondOvs) {
      out.skipped++;
      await judge.pass(a);
      continue;
    }
    await judge.receive(a);
    candidate.receive(a);
    got.add(candidate.sent(), !comesBack);
    out.packets++;
  }
  const wanted = await judge.sentAll(got);
  const leaks = candidate.leaks();
  if (leaks.length > 0) out.differences.push(`pipeline ${n}: not conserved: ${leaks.join('; ')}`);
  // Bytes of packets that are not Ethernet count differently (docs/compatibility.md).
  const bare = pipeline.flows.some((f) => f.includes('decap'));
  const counters = bare ? [] : differing(judge.counters(), candidate.counters());
  candidate.close();
  out.sent += wanted.reduce((sum, list) => sum + list.length, 0);
  if (!got.same(wanted)) out.differences.push(await explain(judge, n, world, pipeline, frames));
  else if (counters.length > 0)
    out.differences.push(
      [`pipeline ${n}: counters differ`, ...counters, ...pipeline.groups, ...pipeline.flows].join('\n'),
    );
}

function differing(ovs: readonly string[], weft: readonly string[]): string[] {
  const only = (a: readonly string[], b: readonly string[], who: string): string[] =>
    a.filter((l) => !b.includes(l)).map((l) => `  ${who} ${l}`);
  return [...only(ovs, weft, 'OVS '), ...only(weft, ovs, 'weft')];
}

/** The same once more, packet by packet, to the first that goes another way. */
async function explain(
  judge: Judge,
  n: number,
  world: World,
  pipeline: Pipeline,
  frames: readonly Arrival[],
): Promise<string> {
  const foreseen = foreseeAll(world, pipeline, frames);
  await judge.load(pipeline);
  judge.sent();
  const candidate = new Candidate(world, pipeline);
  for (const [i, a] of frames.entries()) {
    for (const c of a.changes) candidate.change(c);
    const { beyondOvs, comesBack } = foreseen[i];
    if (beyondOvs) {
      await judge.pass(a);
      continue;
    }
    await judge.receive(a);
    candidate.receive(a);
    const sent = new Sent();
    sent.add(candidate.sent(), !comesBack);
    const wanted = await judge.sentAll(sent);
    if (sent.same(wanted)) continue;
    const got = sent.ports;
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
