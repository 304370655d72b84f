import type { NativeAddon } from '../../src/datapath/native.js';
import { Random } from '../../src/lib/random.js';
import { hashKey } from '../../src/packet/crc32c.js';
import { dpHash } from '../../src/packet/dp-hash.js';
import { extract } from '../../src/packet/extract.js';
import { DP_KEY_BYTES, K, LINE_BYTES } from '../../src/packet/key.js';
import { randomFrame } from '../../src/packet/random.js';

/** The worker's form on garbage against `extract` on a clean key and hashKey. */
function received(addon: NativeAddon, frame: Uint8Array, inPort: number, vlans: number): string | undefined {
  const plain = new Uint8Array(DP_KEY_BYTES);
  new DataView(plain.buffer).setUint32(K.inPort.offset, inPort);
  extract(frame, plain, vlans);
  const key = new Uint8Array(DP_KEY_BYTES).fill(0xa5, 0, 3 * LINE_BYTES);
  if (addon.extractReceived(frame, key, inPort, vlans) !== hashKey(plain)) return 'hash of a received frame';
  const at = key.findIndex((b, i) => b !== plain[i]);
  return at < 0 ? undefined : `received: byte ${at} is ${plain[at]} and ${key[at]}`;
}

export interface Outcome {
  frames: number;
  accepted: number;
  /** One sentence each; at most 10. */
  differences: string[];
}

/** Puts the same random frames through both extractors, over keys full of garbage where garbage is allowed. */
export function compare(addon: NativeAddon, frames: number, seed: number): Outcome {
  const r = new Random(seed);
  const out: Outcome = { frames, accepted: 0, differences: [] };
  const ours = new Uint8Array(DP_KEY_BYTES);
  const theirs = new Uint8Array(DP_KEY_BYTES);
  for (let n = 0; n < frames && out.differences.length < 10; n++) {
    const frame = randomFrame(r);
    for (let i = 0; i < 3 * LINE_BYTES; i++) ours[i] = (n * 31 + i * 7) & 0xff;
    // Half of the keys have no line announced; the others carry tunnel metadata in lines 2 and 3.
    ours[K.lines.offset] = n & 1 ? 0 : 0x06;
    theirs.set(ours);
    const vlans = n % 3;
    const ok = extract(frame, ours, vlans);
    const okToo = addon.extract(frame, theirs, vlans);
    if (ok) out.accepted++;
    const at = ours.findIndex((b, i) => b !== theirs[i]);
    const basis = n & 2 ? 0 : n;
    const fault =
      ok !== okToo
        ? `accepted ${ok} and ${okToo}`
        : at >= 0
          ? `byte ${at} is ${ours[at]} and ${theirs[at]}`
          : hashKey(ours) !== addon.hashKey(theirs)
            ? 'hash of the key'
            : dpHash('l4', ours, basis) !== addon.dpHash(0, theirs, basis)
              ? 'dp_hash l4'
              : dpHash('sym_l4', ours, basis) !== addon.dpHash(1, theirs, basis)
                ? 'dp_hash sym_l4'
                : received(addon, frame, n, vlans);
    if (fault) out.differences.push(`frame ${n}, ${vlans} tags: ${fault}: ${Buffer.from(frame).toString('hex')}`);
  }
  return out;
}
