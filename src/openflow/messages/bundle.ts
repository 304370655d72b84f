/** Bundles: messages that take effect together or not at all. 1.4's own, and as an extension of 1.3. */
import { msg, onf } from '../row.js';
import { type Codec, pad, rest, struct, u16, u32 } from '../schema.js';

export const BUNDLE_TYPES = [
  'OPEN_REQUEST',
  'OPEN_REPLY',
  'CLOSE_REQUEST',
  'CLOSE_REPLY',
  'COMMIT_REQUEST',
  'COMMIT_REPLY',
  'DISCARD_REQUEST',
  'DISCARD_REPLY',
] as const;
export const BUNDLE = { open: 0, close: 2, commit: 4, discard: 6 } as const;
/** All of it at once for packets; in order. */
export const BUNDLE_FLAGS = { atomic: 1, ordered: 2 } as const;

const control = struct({ id: u32, type: u16, flags: u16 });

export interface BundleAdd {
  readonly id: number;
  readonly flags: number;
  /** The whole message, header included. */
  readonly message: Uint8Array;
}
const head = struct({ id: u32, _pad: pad(2), flags: u16 });
const add: Codec<BundleAdd> = {
  read: (r) => {
    const v = head.read(r);
    const left = rest.read(r);
    // The message says its length; properties may follow, of which none is known.
    const length = left.length >= 4 ? left[2] * 256 + left[3] : 0;
    return { ...v, message: left.subarray(0, Math.min(length, left.length)) };
  },
  write: (w, v) => {
    head.write(w, v);
    w.bytes(v.message);
  },
};

export const bundleRows = [
  msg('bundle_control', 'OFPT_BUNDLE_CONTROL', [5, 6], 33, control),
  onf('bundle_control', 'ONFT_BUNDLE_CONTROL', 2300, control, [4, 4]),
  msg('bundle_add', 'OFPT_BUNDLE_ADD_MESSAGE', [5, 6], 34, add),
  onf('bundle_add', 'ONFT_BUNDLE_ADD_MESSAGE', 2301, add, [4, 4]),
] as const;
