/**
 * Lists of actions that were read lately, by their bytes: controllers send the same few lists with most of their flows. A list is then read once, and
 * all its flows share it, which saves some 250 bytes a flow. Lists are never changed, so sharing is not seen.
 */
import type { Action } from '../../action/action.js';
import type { WireReader, WireWriter } from '../../action/context.js';
import { Writer } from '../../action/wire.js';
import type { TunTable } from '../../flow/tun-table.js';
import { finish, mix } from '../../flowtable/mini.js';
import { get32 } from '../../lib/bytes.js';

/** Longer lists are not looked for: they are rare, and what reading them costs is no longer the call. */
const MAX_BYTES = 256;

interface Entry {
  readonly version: number;
  readonly tun: TunTable | undefined;
  readonly bytes: Uint8Array;
  readonly actions: readonly Action[];
}

export class ActionCache {
  private readonly entries: (Entry | undefined)[];

  /** `size`, a power of two: lists that are remembered. A new one takes the place of the one whose hash ends alike. */
  constructor(private readonly size: number) {
    this.entries = new Array<Entry | undefined>(size).fill(undefined);
  }

  /** All that is left of `r`, as `read` reads it. What it throws is not remembered. */
  take(r: WireReader, read: () => Action[]): readonly Action[] {
    const length = r.remaining;
    if (length > MAX_BYTES || length % 4 !== 0) return read();
    const { data } = r;
    const from = r.take(0);
    let h = r.version;
    for (let i = 0; i < length; i += 4) h = mix(h, get32(data, from + i));
    const slot = finish(h) & (this.size - 1);
    const entry = this.entries[slot];
    if (entry && entry.version === r.version && entry.tun === r.tun && isSame(entry.bytes, data, from, length)) {
      r.skip(length);
      return entry.actions;
    }
    // Exactly as long as needed: a list that grew has room for many more.
    const actions = read().slice();
    this.entries[slot] = { version: r.version, tun: r.tun, bytes: data.slice(from, from + length), actions };
    return actions;
  }
}

function isSame(bytes: Uint8Array, data: Uint8Array, from: number, length: number): boolean {
  if (bytes.length !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[i] !== data[from + i]) return false;
  return true;
}

/** Lists whose bytes are remembered; past it remembering starts over. Flows that each have a list of their own gain nothing from more. */
const MAX_LISTS = 256;

/** The other way: the bytes of lists that were written lately, by the list itself. */
export class ActionBytes {
  private readonly known = new Map<readonly Action[], { readonly version: number; readonly bytes: Uint8Array }>();

  constructor(private readonly encode: (actions: readonly Action[], w: WireWriter) => void) {}

  /** Not to be changed. */
  of(actions: readonly Action[], version: number): Uint8Array {
    const entry = this.known.get(actions);
    if (entry?.version === version) return entry.bytes;
    const w = new Writer(version);
    this.encode(actions, w);
    const bytes = w.finish();
    if (this.known.size >= MAX_LISTS) this.known.clear();
    this.known.set(actions, { version, bytes });
    return bytes;
  }
}
