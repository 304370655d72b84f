/**
 * Masked writes that say by how much they changed the Internet checksum over the bytes. The sum of a header is linear, so the changes of
 * several writes add up, and one update of each checksum they are under is enough. The C++ twin is native/action/patch.h.
 */

/** NEEDS_CSUM: the field holds the pseudo-header's sum. */
export type ChecksumForm = 'complete' | 'pseudo' | 'udp';

/** Writes `n` bytes of `value` from `from` at `at` where `mask` has ones. Returns the change of the sum, `at` being at an even offset. */
export function patch(
  frame: Uint8Array,
  at: number,
  value: Uint8Array,
  mask: Uint8Array,
  from: number,
  n: number,
): number {
  let delta = 0;
  for (let i = 0; i < n; i++) {
    const m = mask[from + i];
    if (m === 0) continue;
    const old = frame[at + i];
    const now = (old & ~m) | (value[from + i] & m);
    frame[at + i] = now;
    delta += (now - old) * (i & 1 ? 1 : 256);
  }
  return delta;
}

/** The same for one byte at an odd offset. */
export function patchOdd(frame: Uint8Array, at: number, value: number, mask: number): number {
  const old = frame[at];
  frame[at] = (old & ~mask) | (value & mask);
  return frame[at] - old;
}

function fold(sum: number): number {
  const s = (sum & 0xffff) + (sum >>> 16);
  return (s & 0xffff) + (s >>> 16);
}

/** Brings the checksum field at `at` up to date. A UDP checksum of 0 says "none" and stays; one that comes out as 0 is written as 0xffff. */
export function adjust(frame: Uint8Array, at: number, delta: number, form: ChecksumForm): void {
  const change = ((delta % 65535) + 65535) % 65535;
  if (change === 0) return;
  const old = (frame[at] << 8) | frame[at + 1];
  if (form === 'udp' && old === 0) return;
  let now = form === 'pseudo' ? fold(old + change) : ~fold((~old & 0xffff) + change) & 0xffff;
  if (form === 'udp' && now === 0) now = 0xffff;
  frame[at] = now >> 8;
  frame[at + 1] = now;
}
