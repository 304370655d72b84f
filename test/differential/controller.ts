/**
 * A slow path of chance, one for each engine: it answers misses with random flows. What it decides depends on its seed and on the packet's key
 * alone, so two engines that ask the same are told the same.
 *
 * Flows of a datapath do not overlap. A new one gets a random mask; while that would overlap a flow, it gets bits from another one, and in the
 * end it is exact.
 */
import type { DpAction } from '../../src/datapath/action.js';
import type { Datapath, FlowCounters, Upcall } from '../../src/datapath/datapath.js';
import { randomActions, randomTunnelFlow } from '../../src/datapath/random-actions.js';
import { Random } from '../../src/lib/random.js';
import { crc32c } from '../../src/packet/crc32c.js';
import { DP_KEY_BYTES, K, SLOTS, updateLines } from '../../src/packet/key.js';

interface Installed {
  readonly slot: number;
  readonly key: Uint8Array;
  readonly mask: Uint8Array;
  readonly actions: DpAction[];
}

export const PORTS = [1, 2, 3, 4, 5];
/** Ports that actions name: 5 has a small MTU, 6 is a null port, 77 and 5000 do not exist. */
const TARGETS = [1, 2, 3, 4, 5, 6, 77, 5000];
export const METERS = [1, 2, 3];
/** Recirculation goes to a higher id, so that copies of copies end; the last one goes to itself, to meet the limit. */
const RECIRC_IDS = [1, 2, 3, 9];
const MAX_FLOWS = 120;
export const UDP_TUNNELS: Readonly<Record<number, 'vxlan' | 'geneve'>> = { 4789: 'vxlan', 6081: 'geneve' };

export class Controller {
  private flows: Installed[] = [];
  private free = Array.from({ length: 512 }, (_, n) => n);
  private freed: number[] = [];
  private readonly shapes: Uint8Array[];
  /** Last counters of flows that were deleted, in the order in which they went. */
  readonly deleted: string[] = [];
  installs = 0;

  constructor(
    private readonly dp: Datapath,
    private readonly seed: number,
  ) {
    const r = new Random(seed);
    this.shapes = Array.from({ length: 10 }, () => randomMask(r));
  }

  miss(u: Upcall): void {
    const key = u.key.slice();
    const r = new Random(crc32c(this.seed, key));
    const found = this.flows.find((f) => covers(f, key));
    if (found) return this.dp.resume(u.worker, u.pending, found.slot, found.actions);
    const actions = this.actions(r, key);
    const fate = r.below(20);
    if (fate === 0) return; // the packet waits until it is too late
    if (fate === 1 || this.free.length === 0) return this.dp.resume(u.worker, u.pending, undefined, actions);
    const slot = this.free.shift()!;
    const mask = this.mask(r, key);
    this.flows.push({ slot, key, mask, actions });
    this.installs++;
    this.dp.flowPut(slot, key, mask, actions);
    // A decision may differ from the flow: what was sent up is then dealt with once.
    this.dp.resume(u.worker, u.pending, slot, r.chance(0.9) ? actions : this.actions(r, key));
  }

  /** Between runs: flows come and go. Slots of flows that went may be used again. */
  churn(r: Random): void {
    this.free.push(...this.freed.splice(0));
    while (this.flows.length > MAX_FLOWS || (this.flows.length > 0 && r.chance(0.2))) {
      const [f] = this.flows.splice(r.below(this.flows.length), 1);
      this.dp.flowDelete(f.slot, (last) => {
        this.freed.push(f.slot);
        this.deleted.push(`${f.slot} ${text(last)}`);
      });
    }
    if (this.flows.length > 0 && r.chance(0.3)) {
      const at = r.below(this.flows.length);
      const f = { ...this.flows[at], actions: this.actions(r, this.flows[at].key) };
      this.flows[at] = f;
      if (r.chance(0.5)) this.dp.flowModify(f.slot, f.actions);
      else this.dp.flowPut(f.slot, f.key, f.mask, f.actions); // in its own place: counters begin again
    }
  }

  counters(): string[] {
    return this.flows.map((f) => `flow ${f.slot}: ${text(this.dp.flowCounters(f.slot))}`);
  }

  /** For reports. */
  describe(): string {
    const hex = (_: string, v: unknown) => (v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v);
    return this.flows.map((f) => `  slot ${f.slot}: ${JSON.stringify(f.actions, hex)}`).join('\n');
  }

  private actions(r: Random, key: Uint8Array): DpAction[] {
    if (r.chance(0.3)) return [{ type: 'output', port: r.pick(TARGETS) }];
    if (r.chance(0.2)) {
      const port = (key[K.tpDst.offset] << 8) | key[K.tpDst.offset + 1];
      const kind = key[K.nwProto.offset] === 47 ? 'gre' : UDP_TUNNELS[port];
      return randomTunnelFlow(r, { ports: TARGETS }, r.chance(0.8) ? kind : undefined);
    }
    const now = new DataView(key.buffer).getUint32(K.recircId.offset);
    const recircIds = RECIRC_IDS.filter((id) => id > now && id < 9);
    const list = randomActions(r, {
      ports: TARGETS,
      recircIds,
      meters: [...METERS, 99],
      userspace: true,
      sample: true,
    });
    if (now === 9 || (now === 3 && r.chance(0.3))) list.push({ type: 'recirc', id: 9 });
    return list;
  }

  private mask(r: Random, key: Uint8Array): Uint8Array {
    const mask = new Uint8Array(DP_KEY_BYTES);
    for (let tries = 0; tries < 4; tries++) {
      const more = r.chance(0.8) ? r.pick(this.shapes) : randomMask(r);
      for (let i = 0; i < mask.length; i++) mask[i] |= more[i];
      if (!this.flows.some((f) => overlap(f, key, mask))) break;
      if (tries === 3) mask.fill(0xff);
    }
    updateLines(mask);
    return mask;
  }
}

const text = (c: FlowCounters) => `packets ${c.packets} bytes ${c.bytes} used ${c.usedMs} flags ${c.tcpFlags}`;

const LINES = K.lines.offset;
const same = (i: number, a: Uint8Array, b: Uint8Array, mask: number) => i === LINES || ((a[i] ^ b[i]) & mask) === 0;

const covers = (f: Installed, key: Uint8Array): boolean => f.mask.every((m, i) => m === 0 || same(i, f.key, key, m));

function overlap(f: Installed, key: Uint8Array, mask: Uint8Array): boolean {
  return mask.every((m, i) => (m & f.mask[i]) === 0 || same(i, f.key, key, m & f.mask[i]));
}

/** recirc_id and packet_type always, as pipelines do; some fields whole or in part. */
function randomMask(r: Random): Uint8Array {
  const mask = new Uint8Array(DP_KEY_BYTES);
  mask.fill(0xff, K.recircId.offset, K.recircId.offset + 4);
  mask.fill(0xff, K.packetType.offset, K.packetType.offset + 4);
  const often = r.pick([0.05, 0.2, 0.5]);
  for (const s of SLOTS) {
    if (s === K.lines || !r.chance(often)) continue;
    const style = r.below(3);
    for (let i = 0; i < s.bytes; i++) {
      const prefix = i < s.bytes / 2 ? 0xff : 0;
      mask[s.offset + i] |= style === 0 ? 0xff : style === 1 ? prefix : r.below(256);
    }
  }
  return mask;
}
