/**
 * What tools are shown of a switch after the same packets went through the same random pipeline, in ovs-vswitchd and in weft: flows of the datapath and of the
 * bridge, ports, addresses. The clock stands; the order of lines and names of flows are each switch's own.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { callControl } from '../../src/control/client.js';
import { formatHex } from '../../src/lib/bytes.js';
import { Random } from '../../src/lib/random.js';
import { DummyWorld } from '../dummy/world.js';
import { arrivals, PORTS } from '../ovs/frames.js';
import { type Pipeline, randomPipeline } from '../pipelines/random-pipeline.js';
import { covers, type Flow, flowOf, isSame, plain, textOf } from './plain.js';

const PACKETS = 8;
const MTU = 3000;
/** Those that must be equal. */
const DUMPS: readonly (readonly string[])[] = [
  ['dpif/show'],
  ['dpctl/show'],
  ['fdb/show', 'br0'],
  ['ofproto/list'],
  ['bridge/dump-flows', 'br0'],
];

export interface DumpResult {
  pipelines: number;
  dumps: number;
  /** Datapath flows that Open vSwitch had, and those that weft had for them. */
  flows: number;
  ours: number;
  /** Of those, that look at the same bits in both, and do the same: each a line in two forms, the same text. */
  equal: number;
  /** Pipelines at which ovs-vswitchd ended. */
  lost: number;
  differences: string[];
}

export interface DumpOptions {
  readonly pipelines: number;
  readonly seed: number;
  /** Only this one. */
  readonly only?: number | undefined;
  readonly say?: (text: string) => void;
}

interface Side {
  readonly dir: string;
  readonly socket: string;
  /** Ran on it. Throws unless it succeeds. */
  run(program: string, ...args: string[]): string;
}

function sideOf(dir: string, run: Side['run']): Side {
  const name = readdirSync(dir).find((f) => /^ovs-vswitchd\.\d+\.ctl$/.test(f));
  if (!name) throw new Error(`no control socket in ${dir}`);
  return { dir, socket: join(dir, name), run };
}

export class Dumps {
  private readonly world = new DummyWorld();
  sides: readonly Side[] = [];

  async start(): Promise<void> {
    const { ovs, weft } = this.world;
    const failed = await this.world.ready();
    if (failed) throw new Error(failed);
    const onWeft = (program: string, ...args: string[]): string => {
      const r = weft.run(program, ...args);
      if (r.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${r.stderr}`);
      return r.stdout;
    };
    this.sides = [sideOf(ovs.dir, (program, ...args) => ovs.run(program, ...args)), sideOf(weft.dir, onWeft)];
    const ports = Array.from({ length: PORTS }, (_, i) => [
      ...['--', 'add-port', 'br0', `p${i + 1}`, '--', 'set', 'interface', `p${i + 1}`],
      ...['type=dummy', `ofport_request=${i + 1}`, `mtu_request=${MTU}`],
    ]).flat();
    const bridge = ['datapath_type=dummy', 'fail_mode=secure', 'protocols=OpenFlow10,OpenFlow13,OpenFlow15'];
    for (const s of this.sides) {
      s.run('ovs-vsctl', 'add-br', 'br0', '--', 'set', 'bridge', 'br0', ...bridge, ...ports);
      s.run('ovs-appctl', 'time/stop');
    }
  }

  async load({ flows, version }: Pipeline): Promise<void> {
    for (const s of this.sides) {
      writeFileSync(join(s.dir, 'flows'), `${flows.join('\n')}\n`);
      s.run('ovs-ofctl', 'del-flows', 'br0');
      s.run('ovs-ofctl', '-O', version, 'add-flows', 'br0', join(s.dir, 'flows'));
      await call(s, 'fdb/flush', 'br0');
      await call(s, 'revalidator/purge');
    }
  }

  async isGone(): Promise<boolean> {
    return call(this.sides[0], 'version').then(
      () => false,
      () => true,
    );
  }

  async close(): Promise<void> {
    await this.world.close();
  }
}

export function call(s: Side, method: string, ...params: string[]): Promise<string> {
  return callControl(connect(s.socket), method, params);
}

function differing(a: readonly string[], b: readonly string[]): string[] {
  const left = [...b];
  const out: string[] = [];
  for (const line of a) {
    const at = left.indexOf(line);
    if (at < 0) out.push(`- ${line}`);
    else left.splice(at, 1);
  }
  return [...out, ...left.map((line) => `+ ${line}`)];
}

export function pipelineOf(seed: number, n: number): { pipeline: Pipeline; frames: ReturnType<typeof arrivals> } {
  const r = new Random((Math.imul(seed, 1_000_003) + n) >>> 0);
  const options = { tables: 3, ports: PORTS, hashes: false, cuts: false, stateful: r.chance(0.3) };
  return { pipeline: randomPipeline(r, options), frames: arrivals(r, PACKETS) };
}

export async function compareDumps(o: DumpOptions): Promise<DumpResult> {
  const out: DumpResult = { pipelines: 0, dumps: 0, flows: 0, ours: 0, equal: 0, lost: 0, differences: [] };
  let dumps = new Dumps();
  try {
    await dumps.start();
    const first = o.only ?? 0;
    for (let n = first; n < (o.only === undefined ? o.pipelines : first + 1); n++) {
      try {
        await onePipeline(dumps, o, n, out);
      } catch (e) {
        if (!(await dumps.isGone())) throw e;
        // It ended by an assertion of its own.
        out.lost++;
        await dumps.close();
        dumps = new Dumps();
        await dumps.start();
      }
    }
  } finally {
    await dumps.close();
  }
  return out;
}

async function onePipeline(dumps: Dumps, o: DumpOptions, n: number, out: DumpResult): Promise<void> {
  const { pipeline, frames } = pipelineOf(o.seed, n);
  await dumps.load(pipeline);
  for (const f of frames) {
    for (const s of dumps.sides) await call(s, 'netdev-dummy/receive', `p${f.port}`, formatHex(f.frame));
  }
  for (const s of dumps.sides) await call(s, 'revalidator/wait');
  out.pipelines++;
  const differ = (what: string, lines: readonly string[]): void => {
    if (lines.length === 0) return;
    const text = [`pipeline ${n}: ${what}`, ...lines].join('\n');
    out.differences.push(text);
    o.say?.(`${text}\n`);
  };
  for (const dump of DUMPS) {
    const [name, ...words] = dump;
    const [ovs, weft] = await Promise.all(dumps.sides.map((s) => call(s, name, ...words)));
    out.dumps++;
    differ(dump.join(' '), differing(plain(ovs), plain(weft)));
  }
  const [theirs, ours] = await Promise.all(dumps.sides.map((s) => flowsOf(s)));
  out.dumps++;
  out.flows += theirs.length;
  out.ours += ours.length;
  differ('dpctl/dump-flows', uncovered(theirs, ours));
  for (const option of [[], ['-m']]) {
    const [a, b] = await Promise.all(dumps.sides.map((s) => flowsOf(s, ...option)));
    const pairs = a.flatMap((f) => b.filter((w) => isSame(f, w)).map((w) => [f, w] as const));
    if (option.length === 0) out.equal += pairs.length;
    // A flow that takes more of the packets than theirs counts more.
    const counted = pairs.length === a.length && a.length === b.length;
    const unequal = pairs.map(([f, w]) => [textOf(f, counted), textOf(w, counted)]).filter(([f, w]) => f !== w);
    differ(
      ['text of dpctl/dump-flows', ...option].join(' '),
      unequal.flatMap(([f, w]) => [`- ${f}`, `+ ${w}`]),
    );
  }
  differ('forms of dump-flows', await formsOf(dumps.sides[1]));
}

async function flowsOf(s: Side, ...options: string[]): Promise<Flow[]> {
  const lines = (await call(s, 'dpctl/dump-flows', ...options)).split('\n');
  return lines.filter((line) => line.includes('actions:')).map(flowOf);
}

/** A tag of which only the type is there has words of its own in Open vSwitch, which mean no packet. */
const isCut = (f: Flow): boolean => f.text.includes('cfi=0),encap()');

/** Of a third tag OVS loses the innermost one, and says so nowhere. */
const isTooDeep = (f: Flow): boolean => /push_vlan.*push_vlan/.test(f.actions);

/** Each flow of theirs has one of ours that does the same with at least its packets; those that have none, and ours. */
function uncovered(theirs: readonly Flow[], ours: readonly Flow[]): string[] {
  const lost = theirs.filter(
    (f) =>
      !isTooDeep(f) &&
      !isCut(f) &&
      !ours.some((w) => (w.actions === f.actions || isTooDeep(w)) && covers(w, f) !== 'no'),
  );
  if (lost.length === 0) return [];
  return [...lost.map((f) => `- ${f.text}`), ...ours.map((w) => `+ ${w.text}`)];
}

/** What dump-flows says in other forms, brought to the plain one, but for lines that have no equal there. */
async function formsOf(s: Side): Promise<string[]> {
  const base = (await call(s, 'dpctl/dump-flows'))
    .split('\n')
    .filter((l) => l.includes('actions:'))
    .sort();
  const own = (await call(s, 'dpif/dump-flows', 'br0')).split('\n').filter(Boolean).sort();
  const names = (await call(s, 'dpctl/dump-flows', '--names')).split('\n').filter((l) => l.includes('actions:'));
  const full = (await call(s, 'dpctl/dump-flows', '-m')).split('\n').filter((l) => l.includes('actions:'));
  const numbers = names.map((l) => l.replace(/\bbr0\b/g, '100').replace(/\bp(\d)\b/g, '$1')).sort();
  const out = [...differing(base, own), ...differing(base, numbers)];
  const isFull = (l: string): boolean =>
    /^ufid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}, .*skb_mark\(.*dp:ovs, actions:/.test(l);
  return [...out, ...full.filter((l) => !isFull(l)), ...(full.length === base.length ? [] : ['-m has other flows'])];
}
