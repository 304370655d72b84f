import { type NativeAddon, OFFLOAD } from '../../src/datapath/native.js';
import { Random } from '../../src/lib/random.js';
import { extract } from '../../src/packet/extract.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';
import { finishChecksum, GSO, NEEDS_CSUM, segment } from '../../src/packet/offload.js';
import { randomFrame } from '../../src/packet/random.js';

export interface Outcome {
  frames: number;
  cut: number;
  differences: string[];
}

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

/** The GSO type that the headers allow. */
function fitting(frame: Uint8Array): number {
  const key = new Uint8Array(DP_KEY_BYTES);
  extract(frame, key, 2);
  if (key[K.nwProto.offset] === 17) return GSO.udpL4;
  return key[K.ethType.offset] === 0x86 ? GSO.tcp6 : GSO.tcp4;
}

/** Random frames with random offload states through both implementations. */
export function compareOffload(addon: NativeAddon, frames: number, seed: number): Outcome {
  const r = new Random(seed);
  const out: Outcome = { frames, cut: 0, differences: [] };
  for (let n = 0; n < frames && out.differences.length < 10; n++) {
    const frame = randomFrame(r);
    const o = {
      flags: r.chance(0.8) ? NEEDS_CSUM : 0,
      gsoType: r.chance(0.7)
        ? fitting(frame)
        : r.pick([GSO.tcp4, GSO.tcp6, GSO.udpL4, GSO.tcp4 | GSO.ecn, GSO.none, 3]),
      gsoSize: r.pick([0, 1, 7, 8, 100, 536, 1460, 1460, 65535]),
      csumStart: r.chance(0.9) ? r.pick([34, 54, 38]) : r.below(65536),
      csumOffset: r.chance(0.9) ? r.pick([16, 6]) : r.below(65536),
    };
    const mtu = r.pick([0, 60, 68, 576, 1500, 1500, 9000]);
    const state = new DataView(new ArrayBuffer(OFFLOAD.bytes));
    state.setUint8(OFFLOAD.flags, o.flags);
    state.setUint8(OFFLOAD.gsoType, o.gsoType);
    state.setUint16(OFFLOAD.gsoSize, o.gsoSize, true);
    state.setUint16(OFFLOAD.csumStart, o.csumStart, true);
    state.setUint16(OFFLOAD.csumOffset, o.csumOffset, true);
    const bytes = new Uint8Array(state.buffer);

    const ours = segment(frame, o, mtu);
    const theirs = addon.segment(frame, bytes, mtu);
    if (ours) out.cut++;
    const same = ours?.map(hex).join() === theirs?.map(hex).join();
    if (!same) out.differences.push(`frame ${n} ${JSON.stringify(o)} mtu ${mtu}: ${hex(frame)}`);

    const a = frame.slice();
    const b = frame.slice();
    if (finishChecksum(a, o) !== addon.finishChecksum(b, bytes) || hex(a) !== hex(b)) {
      out.differences.push(`checksum of frame ${n} ${JSON.stringify(o)}: ${hex(frame)}`);
    }
  }
  return out;
}
