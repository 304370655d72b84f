/**
 * New flows a second: every frame is the first of its flow, comes up from a worker, crosses a pipeline of two tables and leaves a megaflow behind.
 * Frames come from a capture of as many distinct TCP flows, written for the purpose, as fast as the worker reads them.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { flowModFromText } from '../../bridge/flow-text.js';
import { NativeDriver } from '../../datapath/driver/native-driver.js';
import { put16, put32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { Core } from '../../switch/core.js';
import { RealClock } from '../../switch/real-clock.js';

export const USAGE = `usage: weft bench upcall [--flows N] [--frames F.pcap --pipeline FLOWS.txt] [--json]
  --flows N             distinct flows (default 100000)
  --frames F.pcap       frames of as many flows, instead of those made here
  --pipeline FLOWS.txt  flows of the bridge, instead of a pipeline of two tables
  --json                one object: flows, seconds, flows_per_second, masks, bytes_per_flow (of the whole program, resident)
`;

/** What a small access switch might do: classify and remember in registers, then decide by them. Each flow's ports and source end up in the mask. */
const PIPELINE = [
  'table=0,priority=10,tcp,tp_dst=22,actions=drop',
  'table=0,priority=5,tcp,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],move:NXM_OF_TCP_SRC[]->NXM_NX_REG1[0..15],resubmit(,1)',
  'table=0,priority=0,actions=drop',
  'table=1,priority=10,ip,reg0=0x7f000000/0xff000000,actions=drop',
  'table=1,priority=5,ip,nw_dst=10.0.0.0/8,actions=dec_ttl,output:2',
  'table=1,priority=0,actions=drop',
];

const FRAME_BYTES = 60;
const GIVE_UP_MS = 60_000;

/** A capture of `n` TCP packets that differ in source address and port. */
function capture(n: number): Uint8Array {
  const out = Buffer.alloc(24 + n * (16 + FRAME_BYTES));
  out.writeUInt32LE(0xa1b2c3d4, 0);
  out.writeUInt16LE(2, 4);
  out.writeUInt16LE(4, 6);
  out.writeUInt32LE(65535, 16);
  out.writeUInt32LE(1, 20);
  for (let i = 0; i < n; i++) {
    const at = 24 + i * (16 + FRAME_BYTES);
    out.writeUInt32LE(FRAME_BYTES, at + 8);
    out.writeUInt32LE(FRAME_BYTES, at + 12);
    const f = out.subarray(at + 16, at + 16 + FRAME_BYTES);
    f.set([0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6]);
    put32(f, 26, 0xac100000 + Math.floor(i / 50_000));
    put32(f, 30, 0x0a000002);
    put16(f, 34, 1024 + (i % 50_000));
    put16(f, 36, 80);
    f[46] = 0x50;
  }
  return out;
}

interface Figures {
  readonly flows: number;
  readonly seconds: number;
  readonly flows_per_second: number;
  readonly masks: number;
  readonly bytes_per_flow: number;
}

interface Traffic {
  readonly frames?: string;
  readonly pipeline?: string;
}

export async function measure(flows: number, given: Traffic = {}): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const file = given.frames ?? join(dir, 'flows.pcap');
  if (!given.frames) writeFileSync(file, capture(flows));
  const pipeline = given.pipeline ? readFileSync(given.pipeline, 'utf8').trim().split('\n') : PIPELINE;
  const clock = new RealClock();
  const dp = new NativeDriver({ workers: 1, maxFlows: flows });
  try {
    const core = new Core({ dp, clock, maxFlows: flows, maxVlans: 1 });
    const bridge = core.addBridge('br0', { name: 'br0', type: 'null' });
    for (const flow of pipeline) bridge.flowMod(flowModFromText(flow, 'add', () => undefined));
    core.addPort(bridge, { name: 'out', type: 'null' }, { number: 2 });
    core.settle();
    const resident = process.memoryUsage.rss();
    const start = clock.now();
    core.addPort(bridge, { name: 'in', type: 'pcap', options: { rx_pcap: file, loop: 'true' } }, { number: 1 });
    let last = start;
    await new Promise<void>((done) => {
      const look = (): void => {
        last = clock.now();
        if (core.upcalls.flows.all.length >= flows || last - start > GIVE_UP_MS) done();
        else setTimeout(look, 1);
      };
      look();
    });
    const seconds = (last - start) / 1000;
    const made = core.upcalls.flows.all.length;
    const { masks } = core.upcalls.flows;
    const bytes_per_flow = Math.round((process.memoryUsage.rss() - resident) / made);
    return { flows: made, seconds, flows_per_second: Math.round(made / seconds), masks, bytes_per_flow };
  } finally {
    dp.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

export async function main(args: readonly string[]): Promise<void> {
  let values: { flows?: string; frames?: string; pipeline?: string; json?: boolean; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        flows: { type: 'string' },
        frames: { type: 'string' },
        pipeline: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }));
  } catch (e) {
    throw new UserError(e instanceof Error ? e.message : String(e));
  }
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const flows = Number(values.flows ?? 100_000);
  if (!Number.isInteger(flows) || flows < 1 || flows > 1_000_000) {
    throw new UserError(`--flows ${values.flows}: not an integer from 1 to 1000000`);
  }
  for (const file of [values.frames, values.pipeline]) {
    if (file !== undefined && !existsSync(file)) throw new UserError(`${file}: no such file`);
  }
  const f = await measure(flows, values);
  process.stdout.write(
    values.json
      ? `${JSON.stringify(f)}\n`
      : `${f.flows_per_second} new flows a second (${f.flows} flows in ${f.seconds.toFixed(2)} s, ${f.masks} masks, ${f.bytes_per_flow} bytes a flow)\n`,
  );
}
