/**
 * Forwarding rate of one worker, memory to memory: frames of a pcap file go round and round into port 1 (copied each time, as a NIC would), cross
 * the datapath, and are freed at the null port 2. The first packet of each flow is a real upcall, decided by the flows given.
 */
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { flowModFromText } from '../../bridge/flow-text.js';
import { loadAddon } from '../../datapath/driver/load.js';
import { NativeDriver } from '../../datapath/driver/native-driver.js';
import { plainPort } from '../../datapath/native.js';
import { UserError } from '../../lib/errors.js';
import { Core } from '../../switch/core.js';
import { RealClock } from '../../switch/real-clock.js';
import { fixedFlows } from './fixed-flows.js';
import { connectTunnel, isTunnelType, type TunnelType } from './tunnel-forward.js';

export const USAGE = `usage: weft bench forward --frames F.pcap --flows FLOWS.txt [--no-microflow] [--seconds N] [--json]
  --frames F.pcap   Ethernet frames that arrive at port 1
  --flows FILE      flows of the bridge, as ovs-ofctl writes them, one a line
  --dp-flows KIND   instead of --flows, datapath flows of a fixed shape: simple (in_port), few-masks (two masks), five-tuple
  --tunnel KIND     instead of either, a tunnel between the two: vxlan, gre, geneve
  --encap, --decap  whether frames go into it (the default) or come out of it
  --workers N       so many pairs of ports, each on a worker of its own: frames come in at ports 1, 3, ... and are freed at 2, 4, ...
  --max-flows N     room for datapath flows (default 262144)
  --huge-pages      memory of 2 MiB and more in huge pages
  --no-microflow    megaflow look-up for every packet
  --seconds N       how long to measure (default 4)
  --turns N         with --workers: so often in turn all workers, and the first while the others sleep; a line a turn
  --json            one object: mpps, mpps_processor, cycles_per_packet, microflow_hits, megaflow_hits, upcalls; with --turns a list of { all, one }, each such an object
`;

export interface ForwardFigures {
  mpps: number;
  /** The same by the program's processor time, which other programs on the machine disturb less. */
  mpps_processor: number;
  cycles_per_packet: number;
  microflow_hits: number;
  megaflow_hits: number;
  upcalls: number;
}

export interface TurnFigures {
  readonly all: ForwardFigures;
  readonly one: ForwardFigures;
}

interface Options {
  readonly frames: string;
  /** Flow texts, or the name of a fixed shape. */
  readonly flows: readonly string[] | string;
  readonly tunnel: TunnelType | undefined;
  readonly decap: boolean;
  readonly microflow: boolean;
  readonly hugePages: boolean;
  readonly workers: number;
  readonly maxFlows: number;
  readonly turns: number;
  readonly seconds: number;
  readonly json: boolean;
}

/** The flows are installed when no upcall came for so long; then the caches are warm too. */
const QUIET_MS = 300;

export function parse(args: readonly string[]): Options | undefined {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        frames: { type: 'string' },
        flows: { type: 'string' },
        'dp-flows': { type: 'string' },
        tunnel: { type: 'string' },
        encap: { type: 'boolean' },
        decap: { type: 'boolean' },
        'no-microflow': { type: 'boolean' },
        'huge-pages': { type: 'boolean' },
        workers: { type: 'string' },
        'max-flows': { type: 'string' },
        turns: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }));
  } catch (e) {
    throw new UserError(e instanceof Error ? e.message : String(e));
  }
  if (values.help) return undefined;
  const file = (name: string) => {
    const value = values[name];
    if (typeof value !== 'string') throw new UserError(`--${name} is missing`);
    if (!existsSync(value)) throw new UserError(`${value}: no such file`);
    return value;
  };
  const fixed = values['dp-flows'];
  const { tunnel } = values;
  if (typeof tunnel === 'string' && !isTunnelType(tunnel)) throw new UserError(`--tunnel ${tunnel}: no such tunnel`);
  const type = typeof tunnel === 'string' && isTunnelType(tunnel) ? tunnel : undefined;
  const flows = (): string[] => (type ? [] : flowLines(readFileSync(file('flows'), 'utf8')));
  const seconds = Number(values.seconds ?? 4);
  if (!(seconds > 0 && seconds <= 3600)) throw new UserError(`--seconds ${String(values.seconds)}: not from 0 to 3600`);
  const count = (name: string, fallback: number, most: number): number => {
    const n = Number(values[name] ?? fallback);
    if (!Number.isInteger(n) || n < 1 || n > most)
      throw new UserError(`--${name} ${n}: not an integer from 1 to ${most}`);
    return n;
  };
  return {
    frames: file('frames'),
    flows: typeof fixed === 'string' ? fixed : flows(),
    tunnel: type,
    decap: values.decap === true,
    microflow: !values['no-microflow'],
    hugePages: values['huge-pages'] === true,
    workers: count('workers', 1, 16),
    maxFlows: count('max-flows', 1 << 18, 1 << 22),
    turns: values.turns === undefined ? 0 : count('turns', 1, 1000),
    seconds,
    json: values.json === true,
  };
}

function flowLines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));
}

export async function main(args: readonly string[]): Promise<void> {
  const options = parse(args);
  if (!options) {
    process.stdout.write(USAGE);
    return;
  }
  const figures = await measure(options);
  process.stdout.write(options.json ? `${JSON.stringify(figures)}\n` : [figures].flat().map(report).join(''));
}

export function report(f: ForwardFigures | TurnFigures): string {
  if ('all' in f) {
    const [all, one] = [f.all.mpps, f.one.mpps];
    return `all ${all.toFixed(2)} Mpps, one ${one.toFixed(2)}: ${(all / one).toFixed(3)} times\n`;
  }
  return (
    `${f.mpps.toFixed(2)} Mpps, ${f.cycles_per_packet.toFixed(1)} cycles a packet; ${f.mpps_processor.toFixed(2)} Mpps of processor time\n` +
    `microflow hits ${f.microflow_hits}, megaflow hits ${f.megaflow_hits}, upcalls ${f.upcalls}\n`
  );
}

/** Port 1 takes its first frame when everything else is in place. Returns what is to be called at the end. */
function connect(dp: NativeDriver, o: Options): () => void {
  if (o.tunnel) return connectTunnel(dp, { ...o, type: o.tunnel });
  connectPlain(dp, o);
  return () => {};
}

function connectPlain(dp: NativeDriver, o: Options): void {
  if (typeof o.flows === 'string') {
    dp.setHandlers(fixedFlows(dp, o.flows));
    const none = plainPort('null');
    dp.portAdd(2, none);
    dp.portAdd(1, { ...none, kind: 'pcap', device: o.frames, loop: true });
    return;
  }
  const core = new Core({ dp, clock: new RealClock(), maxFlows: o.maxFlows, maxVlans: 1 });
  const bridge = core.addBridge('br0', { name: 'br0', type: 'null' });
  for (const flow of o.flows) bridge.flowMod(flowModFromText(flow, 'add', () => undefined));
  // Datapath ports count up and go to workers in turn: after as many ways out as there are workers, ways in meet their own.
  const each = Array.from({ length: o.workers }, (_, w) => w);
  for (const w of each) core.addPort(bridge, { name: `out${w}`, type: 'null' }, { number: 2 * w + 2 });
  core.settle();
  const options = { rx_pcap: o.frames, loop: 'true' };
  for (const w of each) core.addPort(bridge, { name: `in${w}`, type: 'pcap', options }, { number: 2 * w + 1 });
}

type Totals = Pick<
  ReturnType<NativeDriver['workerCounters']>,
  'packets' | 'microflow_hits' | 'megaflow_hits' | 'upcalls'
>;

function total(dp: NativeDriver): Totals {
  const sum = { packets: 0, microflow_hits: 0, megaflow_hits: 0, upcalls: 0 };
  for (let w = 0; w < dp.workers; w++) {
    const c = dp.workerCounters(w);
    sum.packets += c.packets;
    sum.microflow_hits += c.microflow_hits;
    sum.megaflow_hits += c.megaflow_hits;
    sum.upcalls += c.upcalls;
  }
  return sum;
}

async function quiet(dp: NativeDriver): Promise<void> {
  for (let before = -1, now = 0; now !== before; ) {
    await sleep(QUIET_MS);
    before = now;
    now = total(dp).upcalls;
  }
}

async function measure(o: Options): Promise<ForwardFigures | TurnFigures[]> {
  loadAddon().wantHugePages(o.hugePages);
  const dp = new NativeDriver({
    workers: o.workers,
    microflow: o.microflow,
    busy: o.turns === 0,
    maxFlows: o.maxFlows,
    maxVlans: 1,
  });
  let end = (): void => {};
  try {
    end = connect(dp, o);
    await quiet(dp);
    return await (o.turns === 0 ? figures(dp, o.seconds) : takeTurns(dp, o));
  } finally {
    dp.close();
    end();
  }
}

/**
 * In one program, one right after the other: other programs and the machine below give a processor from two thirds of its speed to all of it, for some tenths of a second
 * to minutes, and two programs in their own memory differ by a tenth without any cause.
 */
async function takeTurns(dp: NativeDriver, o: Options): Promise<TurnFigures[]> {
  const others = Array.from({ length: 4 * o.workers }, (_, vport) => vport).filter((v) =>
    dp.queuesOf(v).some((w) => w !== 0),
  );
  const anywhere = Array.from({ length: o.workers }, () => -1);
  const alone = async (): Promise<ForwardFigures> => {
    dp.portsPause(others);
    const one = await figures(dp, o.seconds);
    dp.steer(anywhere, []);
    return one;
  };
  const turns: TurnFigures[] = [];
  while (turns.length < o.turns) {
    // Who is first changes, so that a machine that becomes slower or quicker meanwhile favours neither.
    const before = turns.length % 2 === 1 ? await alone() : undefined;
    const all = await figures(dp, o.seconds);
    turns.push({ all, one: before ?? (await alone()) });
  }
  return turns;
}

async function figures(dp: NativeDriver, seconds: number): Promise<ForwardFigures> {
  const before = total(dp);
  const used = process.cpuUsage();
  const start = process.hrtime.bigint();
  await sleep(seconds * 1000);
  const after = total(dp);
  const ns = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(used);
  const packets = after.packets - before.packets;
  if (packets === 0) throw new UserError('no packet was forwarded');
  return {
    mpps: (packets / ns) * 1e3,
    mpps_processor: packets / (user + system),
    cycles_per_packet: (loadAddon().cyclesPerSecond() * ns) / 1e9 / packets,
    microflow_hits: after.microflow_hits - before.microflow_hits,
    megaflow_hits: after.megaflow_hits - before.megaflow_hits,
    upcalls: after.upcalls,
  };
}

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
