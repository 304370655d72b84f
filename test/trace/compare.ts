/**
 * What ofproto/trace prints, compared with ovs-vswitchd: the same tables, groups and addresses, the same packet (as bytes or as a flow), line by line. Nothing
 * is changed by a trace, so the packets of a pipeline need no order.
 */

import { Random } from '../../src/lib/random.js';
import { arrivals, PORTS } from '../ovs/frames.js';
import { Judge, METERS, MODES } from '../ovs/judge.js';
import { visibleGroups } from '../pipelines/random-groups.js';
import { randomPipeline } from '../pipelines/random-pipeline.js';
import { answer, ask } from './ask.js';
import { Candidate, type Orders, orderOf } from './candidate.js';
import { FORMS_PIPELINE, PACKET_OUT_FORMS, TRACE_FORMS } from './forms.js';
import { comesBack, laterPass } from './later-pass.js';
import { actionsOf, describable, sameButForMasks, sameSets, variants } from './megaflow.js';
import { beyondOvs, normalise, renumber, withoutNumbers } from './normalise.js';
import { type Question, question } from './questions.js';

export interface TraceOptions {
  readonly pipelines: number;
  readonly seed: number;
  /** Traces a pipeline. */
  readonly packets?: number;
  /** The first pipeline's number, for a long run in pieces. */
  readonly from?: number;
  /** Only this pipeline. */
  readonly only?: number;
  /** Stop after so many differences. */
  readonly most?: number;
}

export interface TraceComparison {
  pipelines: number;
  traces: number;
  /** And so many of a later pass. */
  passes: number;
  /** Pipelines at which OVS crashed. */
  lost: number;
  /** Not compared, with the reason. */
  readonly skipped: Map<string, number>;
  /** Traces whose megaflows differ, and are both right. */
  otherMasks: number;
  readonly differences: string[];
}

export async function compareTraces(o: TraceOptions): Promise<TraceComparison> {
  const out: TraceComparison = {
    pipelines: 0,
    traces: 0,
    passes: 0,
    lost: 0,
    otherMasks: 0,
    skipped: new Map(),
    differences: [],
  };
  let judge = new Judge();
  let modes = -1;
  let orders: Orders | undefined;
  try {
    const first = o.only ?? o.from ?? 0;
    for (let n = first; n < first + (o.only === undefined ? o.pipelines : 1); n++) {
      const wanted = Math.floor(n / 8) % MODES.length;
      orders ??= await begin(judge);
      if (wanted !== modes) judge.setModes(MODES[wanted]);
      modes = wanted;
      try {
        await comparePipeline(judge, orders, o, n, out);
      } catch (e) {
        if (!(await judge.isGone())) throw e;
        judge.ovs.close();
        judge = new Judge();
        modes = -1;
        orders = undefined;
        out.lost++;
      }
      if (out.differences.length >= (o.most ?? 5)) break;
    }
  } finally {
    judge.ovs.close();
  }
  return out;
}

/** All connections are opened first: one that comes up later changes what a miss means to OVS, for a while. */
async function begin(judge: Judge): Promise<Orders> {
  for (const version of ['OpenFlow10', 'OpenFlow13', 'OpenFlow15'] as const) await judge.load({ flows: [], version });
  return ordersOf(judge);
}

/** Asked before ports have VLANs: then each carries every packet. */
async function ordersOf(judge: Judge): Promise<Orders> {
  const order = async (action: string): Promise<number[]> => {
    const trace = (port: number): Promise<string> =>
      judge.call('ofproto/trace-packet-out', 'br0', `in_port=${port}`, action);
    return orderOf([await trace(1), await trace(2), await trace(3)]);
  };
  return { flood: await order('FLOOD'), normal: await order('NORMAL') };
}

async function comparePipeline(
  judge: Judge,
  orders: Orders,
  o: TraceOptions,
  n: number,
  out: TraceComparison,
): Promise<void> {
  const modes = MODES[Math.floor(n / 8) % MODES.length];
  const r = new Random((Math.imul(o.seed, 1_000_003) + n) >>> 0);
  const wide = r.chance(0.7);
  const groups = r.chance(0.5) ? 6 : 0;
  const sizes = { tables: 4, ports: PORTS, groups, wide, meters: wide ? METERS.length : 0 };
  const random = randomPipeline(r, { ...sizes, hashes: false, cuts: r.chance(0.5), stateful: r.chance(0.5) });
  const pipeline = { ...random, groups: visibleGroups(r, sizes) };
  await judge.load(pipeline);
  const candidate = new Candidate(modes, orders, pipeline);
  out.pipelines++;
  for (const { port, frame } of arrivals(r, o.packets ?? 4)) {
    const q = question(r, port, frame, pipeline);
    const { command, args } = q;
    const both = async (args: readonly string[]): Promise<[ovs: string, weft: string]> => [
      normalise(await ask(judge, { command, args })),
      normalise(renumber(answer(candidate, { command, args }))),
    ];
    const differs = (what: string, lines: readonly string[]): void => {
      const all = o.only === undefined ? [] : [...pipeline.groups, ...pipeline.flows];
      out.differences.push([`pipeline ${n}: ${what}`, ...lines, ...all].join('\n'));
    };
    out.traces++;
    const [a, b] = await both(args);
    const verdict = judgeTexts(a, b, out);
    if (verdict === 'different') differs(`${command} ${args.join(' ')}`, difference(a, b));
    if (verdict === 'other masks') {
      // Megaflows are compared by numbers of ports.
      const numbered = args.includes('--names') ? await both(args.filter((w) => w !== '--names')) : [a, b];
      const wrong = await unsound(judge, r, q, numbered);
      if (wrong === undefined) out.otherMasks++;
      else differs(`${command} ${args.join(' ')}`, [b, wrong]);
    }
    if (verdict !== 'same' || !comesBack(a)) continue;
    const later = await laterPass(judge, candidate, r, { port, frame });
    if (!later) continue;
    out.passes++;
    const [c, d] = [normalise(later.ovs), normalise(renumber(later.weft))];
    if (judgeTexts(c, d, out) === 'different') differs(later.question, difference(c, d));
  }
  candidate.close();
}

/** Counts what is left out. */
function judgeTexts(
  ovs: string,
  weft: string,
  out: TraceComparison,
): 'same' | 'other masks' | 'left out' | 'different' {
  const [a, b] = [withoutNumbers(ovs), withoutNumbers(weft)];
  if (a === b) return 'same';
  if (sameButForMasks(a, b)) return 'other masks';
  const beyond = beyondOvs(`${ovs}\n${weft}`);
  if (!beyond) return 'different';
  out.skipped.set(beyond, (out.skipped.get(beyond) ?? 0) + 1);
  return 'left out';
}

/** A flow under weft's mask with which OVS does something else, and what; undefined where there is none. */
async function unsound(
  judge: Judge,
  r: Random,
  q: Question,
  [ovs, weft]: readonly string[],
): Promise<string | undefined> {
  const flow = /^Flow: (.*)$/m.exec(ovs)?.[1] ?? '';
  const actions = q.command === 'ofproto/trace' ? [] : [q.args[q.args.length - 1]];
  const trace = (text: string): Promise<string> => ask(judge, { command: q.command, args: ['br0', text, ...actions] });
  const others = variants(r, flow, weft);
  if (others.length === 0) return undefined;
  const wanted = actionsOf(normalise(await trace(describable(flow) ?? flow)));
  for (const other of others) {
    const text = await trace(other);
    if (text.startsWith('error: ')) continue;
    const got = actionsOf(normalise(text));
    // Bits that weft does not set are the packet's own.
    if (got !== wanted && !sameSets(got, actionsOf(weft))) return `but OVS: ${other}\n  ${got}\nnot\n  ${wanted}`;
  }
  return undefined;
}

/** Each form of the commands; the differences. */
export async function compareForms(): Promise<string[]> {
  const judge = new Judge();
  try {
    const candidate = new Candidate([], await ordersOf(judge), FORMS_PIPELINE);
    await judge.load(FORMS_PIPELINE);
    const out: string[] = [];
    const compare = async (q: Question): Promise<void> => {
      const { command, args } = q;
      const a = normalise(await ask(judge, q));
      const b = normalise(renumber(answer(candidate, q)));
      if (a !== b) out.push([`${command} ${args.join(' ')}`, ...difference(a, b)].join('\n'));
    };
    for (const args of TRACE_FORMS) await compare({ command: 'ofproto/trace', args });
    for (const args of PACKET_OUT_FORMS) await compare({ command: 'ofproto/trace-packet-out', args });
    candidate.close();
    return out;
  } finally {
    judge.ovs.close();
  }
}

/** Lines that both have once, the others with who has them; as few of these as can be. */
function difference(ovs: string, weft: string): string[] {
  const a = ovs.split('\n');
  const b = weft.split('\n');
  const common: number[][] = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const out: string[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push(`      ${a[i++]}`);
      j++;
    } else if (j === b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) out.push(`OVS   ${a[i++]}`);
    else out.push(`weft  ${b[j++]}`);
  }
  return out;
}
