import { loadAddon } from '../datapath/driver/load.js';
import type { GeneratorPort, NativeAddon } from '../datapath/native.js';
import { UserError } from '../lib/errors.js';
import { type PktgenOptions, parseOptions, USAGE } from './pktgen/parse.js';
import { progressLine, reportText, summarize } from './pktgen/report.js';
import { type Frames, fromPcap, fromTemplate } from './pktgen/templates.js';

/** How long to wait for stragglers after the last frame, in milliseconds. */
const LINGER_MS = 200;

export async function main(args: readonly string[], program: string): Promise<number> {
  let options: PktgenOptions | undefined;
  try {
    options = parseOptions(args);
    if (!options) {
      process.stdout.write(USAGE);
      return 0;
    }
    return await generate(options);
  } catch (e) {
    if (!(e instanceof Error) || (!(e instanceof UserError) && !('code' in e))) throw e;
    process.stderr.write(`${program}: ${e.message}\n`);
    return 1;
  }
}

async function generate(o: PktgenOptions): Promise<number> {
  const frames: Frames = o.pcap ? fromPcap(o.pcap) : fromTemplate({ ...o, kind: o.template });
  if (o.port === 'memory') {
    const { generateInMemory } = await import('./pktgen/memory.js');
    return generateInMemory(o, frames);
  }
  const addon = loadAddon();
  const out = portOf(addon, o.port, o.netns);
  const into = o.receive === undefined ? null : portOf(addon, o.receive, o.receiveNetns);
  const generator = new addon.PacketGenerator(
    out,
    into,
    frames.frames,
    frames.flows,
    frames.stamps,
    frames.nFlows,
    Math.round(o.rate),
    o.count,
    o.durationMs * 1e6,
    LINGER_MS * 1e6,
  );
  const receiving = into !== null;
  const interrupted = new Promise<boolean>((resolve) => process.once('SIGINT', () => resolve(true)));
  const live = process.stderr.isTTY && !o.json;
  for (;;) {
    const stop = await Promise.race([interrupted, new Promise<boolean>((r) => setTimeout(() => r(false), 100))]);
    const now = summarize(generator.counters(), receiving);
    if (live) process.stderr.write(`\r\x1b[K${progressLine(now, receiving)}`);
    if (stop || generator.counters()[11] !== 0) break;
  }
  if (live) process.stderr.write('\r\x1b[K');
  generator.stop();
  const report = summarize(generator.counters(), receiving);
  process.stdout.write(o.json ? `${JSON.stringify(report)}\n` : reportText(report, receiving));
  return report.sent > 0 ? 0 : 1;
}

/** A device that exists is opened as it is; another name becomes a TAP. */
function portOf(addon: NativeAddon, text: string, netns: string): GeneratorPort {
  const said = /^(tap|system|veth):(.+)$/.exec(text);
  if (said) return { kind: said[1] === 'tap' ? 'tap' : 'system', device: said[2], netns };
  try {
    addon.deviceInfo(text, netns);
    return { kind: 'system', device: text, netns };
  } catch (e) {
    if (e instanceof Error && 'code' in e && e.code === 'ENODEV') return { kind: 'tap', device: text, netns };
    throw e;
  }
}
