/** Bundles: messages that take effect together or not at all. 1.4's own, and as an extension of 1.3. */
import { ofError } from '../errors.js';
import { msg, onf } from '../row.js';
import { type Codec, struct, u16, u32 } from '../schema.js';

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

/** Of the message inside. */
const HEADER_BYTES = 8;

const control = struct({ id: u32, type: u16, flags: u16 });

export interface BundleAdd {
  readonly id: number;
  readonly flags: number;
  /** The whole message, header included: a view of what the addition was read from. */
  readonly message: Uint8Array;
}
const add: Codec<BundleAdd> = {
  read: (r) => {
    const id = r.u32();
    r.skip(2);
    const flags = r.u16();
    // The message says its length; properties may follow, of which none is known.
    const length = r.peek16(2);
    if (length < HEADER_BYTES || length > r.remaining) throw ofError('OFPBFC_MSG_BAD_LEN');
    const message = r.peek(length);
    r.skip(r.remaining);
    return { id, flags, message };
  },
  write: (w, v) => {
    w.u32(v.id);
    w.zeros(2);
    w.u16(v.flags);
    w.bytes(v.message);
  },
};

export const bundleRows = [
  msg('bundle_control', 'OFPT_BUNDLE_CONTROL', [5, 6], 33, control),
  onf('bundle_control', 'ONFT_BUNDLE_CONTROL', 2300, control, [4, 4]),
  msg('bundle_add', 'OFPT_BUNDLE_ADD_MESSAGE', [5, 6], 34, add),
  onf('bundle_add', 'ONFT_BUNDLE_ADD_MESSAGE', 2301, add, [4, 4]),
] as const;
