/**
 * Forwarding rate of one worker, memory to memory: frames of a pcap file go round and round into port 1 (copied each time, as a NIC would), cross
 * the datapath, and are freed at the null port 2. The first packet of each flow is a real upcall.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../datapath/driver/load.js';
import { NativeDriver } from '../../datapath/driver/native-driver.js';
import type { PortConfig } from '../../datapath/native.js';
import { UserError } from '../../lib/errors.js';
import { fixedFlows } from './fixed-flows.js';

export const USAGE = `usage: weft bench forward --frames F.pcap --dp-flows KIND [--no-microflow] [--seconds N] [--json]
  --frames F.pcap   Ethernet frames that arrive at port 1
  --dp-flows KIND   datapath flows that upcalls install: simple (in_port), few-masks (two masks), five-tuple
  --no-microflow    megaflow look-up for every packet
  --seconds N       how long to measure (default 4)
  --json            one object: mpps, cycles_per_packet, microflow_hits, megaflow_hits, upcalls
`;

export interface ForwardFigures {
  mpps: number;
  cycles_per_packet: number;
  microflow_hits: number;
  megaflow_hits: number;
  upcalls: number;
}

interface Options {
  readonly frames: string;
  readonly kind: string;
  readonly microflow: boolean;
  readonly seconds: number;
  readonly json: boolean;
}

/** Until the flows are installed and the caches are warm. */
const WARM_MS = 300;

export function parse(args: readonly string[]): Options | undefined {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        frames: { type: 'string' },
        'dp-flows': { type: 'string' },
        'no-microflow': { type: 'boolean' },
        seconds: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }));
  } catch (e) {
    throw new UserError(e instanceof Error ? e.message : String(e));
  }
  if (values.help) return undefined;
  const frames = values.frames;
  if (typeof frames !== 'string') throw new UserError('--frames is missing');
  if (!existsSync(frames)) throw new UserError(`${frames}: no such file`);
  const seconds = Number(values.seconds ?? 4);
  if (!(seconds > 0 && seconds <= 3600)) throw new UserError(`--seconds ${String(values.seconds)}: not from 0 to 3600`);
  return {
    frames,
    kind: String(values['dp-flows'] ?? 'simple'),
    microflow: !values['no-microflow'],
    seconds,
    json: values.json === true,
  };
}

export async function main(args: readonly string[]): Promise<void> {
  const options = parse(args);
  if (!options) {
    process.stdout.write(USAGE);
    return;
  }
  const f = await measure(options);
  process.stdout.write(options.json ? `${JSON.stringify(f)}\n` : report(f));
}

export function report(f: ForwardFigures): string {
  return (
    `${f.mpps.toFixed(2)} Mpps, ${f.cycles_per_packet.toFixed(1)} cycles a packet\n` +
    `microflow hits ${f.microflow_hits}, megaflow hits ${f.megaflow_hits}, upcalls ${f.upcalls}\n`
  );
}

async function measure(o: Options): Promise<ForwardFigures> {
  const dp = new NativeDriver({ workers: 1, microflow: o.microflow, busy: true });
  try {
    dp.setHandlers(fixedFlows(dp, o.kind));
    const none: PortConfig = { kind: 'null', device: '', output: '', mtu: 0, loop: false, offload: false, netns: '' };
    dp.portAdd(2, none);
    dp.portAdd(1, { ...none, kind: 'pcap', device: o.frames, loop: true });
    await sleep(WARM_MS);
    const before = dp.workerCounters(0);
    const start = process.hrtime.bigint();
    await sleep(o.seconds * 1000);
    const after = dp.workerCounters(0);
    const ns = Number(process.hrtime.bigint() - start);
    const packets = after.packets - before.packets;
    if (packets === 0) throw new UserError('no packet was forwarded');
    return {
      mpps: (packets / ns) * 1e3,
      cycles_per_packet: (loadAddon().cyclesPerSecond() * ns) / 1e9 / packets,
      microflow_hits: after.microflow_hits - before.microflow_hits,
      megaflow_hits: after.megaflow_hits - before.megaflow_hits,
      upcalls: after.upcalls,
    };
  } finally {
    dp.close();
  }
}

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
