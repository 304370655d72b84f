/**
 * What a decision costs the deciding thread, without ring and worker: node --expose-gc dist/bench/decisions.js [--flows N] [--turns N] [--pipeline FILE]
 * Each turn decides as many new flows (source ports and addresses differ) and removes them again, uncounted. Nanoseconds a decision, of processor time of
 * the whole program, the collector's included; the least and the middle of the turns.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { flowModFromText } from '../src/bridge/flow-text.js';
import { newKey, words } from '../src/flow/key.js';
import { put16, put32 } from '../src/lib/bytes.js';
import { extract } from '../src/packet/extract.js';
import { DP_KEY_BYTES, K, LINE_BYTES } from '../src/packet/key.js';
import { Core } from '../src/switch/core.js';
import { RealClock } from '../src/switch/real-clock.js';
import { PEERS } from './lib/files.js';
import { NullDatapath } from './lib/null-datapath.js';

const { values } = parseArgs({
  options: {
    flows: { type: 'string', default: '30000' },
    turns: { type: 'string', default: '15' },
    pipeline: { type: 'string' },
  },
});
const LINE_WORDS = LINE_BYTES / 4;
const flows = Number(values.flows);
const turns = Number(values.turns);

/** First lines of keys of UDP packets that differ in source address and port. */
function keysOf(n: number, vport: number): Uint32Array {
  const lines = new Uint32Array(n * LINE_WORDS);
  const f = new Uint8Array(60);
  f.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17]);
  for (let i = 0; i < n; i++) {
    put32(f, 26, 0x0a000001 + Math.floor(i / 50_000));
    put32(f, 30, 0x0a010001);
    put16(f, 34, 1024 + (i % 50_000));
    put16(f, 36, 2000);
    put16(f, 38, 26);
    const key = newKey();
    put32(key, K.inPort.offset, vport);
    extract(f, key, 1);
    lines.set(words(key).subarray(0, LINE_WORDS), i * LINE_WORDS);
  }
  return lines;
}

function measure(file: string): number[] {
  const dp = new NullDatapath();
  const core = new Core({ dp, clock: new RealClock(), maxFlows: flows, maxVlans: 1 });
  const bridge = core.addBridge('br0', { name: 'br0', type: 'null' });
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    bridge.flowMod(flowModFromText(line, 'add', () => undefined));
  }
  const { vport } = core.addPort(bridge, { name: 'in', type: 'null' }, { number: 1 });
  core.addPort(bridge, { name: 'out', type: 'null' }, { number: 2 });
  core.settle();
  const keys = keysOf(flows, vport);
  const bytes = new Uint8Array(DP_KEY_BYTES);
  const key = words(bytes);
  const ns: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    globalThis.gc?.();
    const from = process.cpuUsage();
    for (let i = 0; i < flows; i++) {
      // The lines after the first are zeros in all of them.
      for (let w = 0; w < LINE_WORDS; w++) key[w] = keys[i * LINE_WORDS + w];
      dp.miss(vport, bytes);
    }
    const { user, system } = process.cpuUsage(from);
    ns.push(((user + system) * 1000) / flows);
    if (core.upcalls.flows.all.length !== flows) throw new Error(`${core.upcalls.flows.all.length} flows of ${flows}`);
    core.upcalls.removeAll();
  }
  return ns.sort((a, b) => a - b);
}

const files = values.pipeline
  ? [values.pipeline]
  : [join(PEERS, 'flows-two-tables.txt'), join(PEERS, 'flows-ten-tables.txt')];
for (const file of files) {
  const ns = measure(file);
  const [least, middle] = [ns[0], ns[ns.length >> 1]].map((x) => Math.round(x));
  process.stdout.write(`${least} ns a decision, ${middle} in the middle of ${turns} turns: ${file}\n`);
}
