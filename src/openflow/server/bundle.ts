/**
 * Bundles. Messages are read and checked when they are added, and kept as values; a commit applies them in order, all or nothing. A bundle costs
 * memory, so a peer has at most so many, of at most so many messages.
 */

import type { FlowMod } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { ofError } from '../errors.js';
import { decode, type Message, readHeader } from '../message.js';
import { BUNDLE, type BundleAdd } from '../messages/bundle.js';
import type { FlowModMessage } from '../messages/flow-mod.js';
import type { Kind } from '../registry.js';
import { modifyPort } from './basic.js';
import { flowModOf } from './flow.js';
import { changing, type Handlers } from './handler.js';
import { sendPacket } from './packet.js';
import type { Session } from './session.js';
import { applyTogether } from './transaction.js';

const MAX_BUNDLES = 64;
const MAX_BYTES = 256 << 20;
/** What may be in a bundle. */
const ALLOWED: ReadonlySet<Kind> = new Set<Kind>(['flow_mod', 'port_mod', 'packet_out']);

interface Entry {
  readonly message: Message;
  readonly bytes: Uint8Array;
}
export interface Bundle {
  readonly flags: number;
  closed: boolean;
  bytes: number;
  readonly entries: Entry[];
}

function open(s: Session, id: number, flags: number): void {
  if (s.bundles.has(id)) {
    s.bundles.delete(id);
    throw ofError('OFPBFC_BAD_ID');
  }
  if (s.bundles.size >= MAX_BUNDLES) throw ofError('OFPBFC_OUT_OF_BUNDLES');
  s.bundles.set(id, { flags, closed: false, bytes: 0, entries: [] });
}

/** A bundle that the request fits; one that it does not fit is discarded, as the specification wants. */
function find(s: Session, id: number, flags: number): Bundle {
  const bundle = s.bundles.get(id);
  if (!bundle) throw ofError('OFPBFC_BAD_ID');
  if (bundle.flags !== flags) {
    s.bundles.delete(id);
    throw ofError('OFPBFC_BAD_FLAGS');
  }
  return bundle;
}

function close(s: Session, id: number, flags: number): void {
  const bundle = find(s, id, flags);
  if (bundle.closed) {
    s.bundles.delete(id);
    throw ofError('OFPBFC_BUNDLE_CLOSED');
  }
  bundle.closed = true;
}

function discard(s: Session, id: number): void {
  if (!s.bundles.delete(id)) throw ofError('OFPBFC_BAD_ID');
}

function commit(s: Session, id: number, flags: number): void {
  const bundle = find(s, id, flags);
  s.bundles.delete(id);
  const mods: { readonly mod: FlowMod; readonly entry: Entry }[] = [];
  try {
    for (const entry of bundle.entries) {
      const m = entry.message;
      if (m.kind === 'flow_mod') mods.push({ mod: readMod(s, m.value, entry), entry });
    }
    applyTogether(
      s.bridge,
      mods.map((m) => m.mod),
      (i, e) => s.connection.sendError(e.ofError ?? 'OFPBFC_MSG_FAILED', mods[i].entry.bytes),
    );
    for (const { message: m } of bundle.entries) applyOther(s, m);
  } catch (e) {
    // The message at fault has had its own error; the commit has this one.
    if (e instanceof UserError) throw ofError('OFPBFC_MSG_FAILED');
    throw e;
  }
}

/** What cannot be undone comes last, when nothing else can fail. */
function applyOther(s: Session, m: Message): void {
  if (m.kind === 'port_mod') modifyPort(s, m.value);
  else if (m.kind === 'packet_out') sendPacket(s, m.value);
}

function readMod(s: Session, v: FlowModMessage, entry: Entry): FlowMod {
  try {
    return flowModOf(s, v);
  } catch (e) {
    if (e instanceof UserError) s.connection.sendError(e.ofError ?? 'OFPBFC_MSG_FAILED', entry.bytes);
    throw e;
  }
}

function add(s: Session, v: BundleAdd): void {
  const entry = readEntry(s, v);
  let bundle = s.bundles.get(v.id);
  if (!bundle) {
    // Adding to a bundle that is not open opens it.
    open(s, v.id, v.flags);
    bundle = find(s, v.id, v.flags);
  }
  if (bundle.closed) {
    s.bundles.delete(v.id);
    throw ofError('OFPBFC_BUNDLE_CLOSED');
  }
  if (bundle.flags !== v.flags) {
    s.bundles.delete(v.id);
    throw ofError('OFPBFC_BAD_FLAGS');
  }
  bundle.bytes += v.message.length + 256;
  if (bundle.bytes > MAX_BYTES) {
    s.bundles.delete(v.id);
    throw ofError('OFPBFC_OUT_OF_BUNDLES');
  }
  bundle.entries.push(entry);
}

function readEntry(s: Session, v: BundleAdd): Entry {
  if (v.message.length < 8) throw ofError('OFPBFC_MSG_BAD_LEN');
  const header = readHeader(v.message);
  if (header.version !== s.version) throw ofError('OFPBRC_BAD_VERSION');
  if (header.xid !== s.xid) throw ofError('OFPBFC_MSG_BAD_XID');
  const message = decode(v.message);
  if (!ALLOWED.has(message.kind)) throw ofError('OFPBFC_MSG_UNSUP');
  return { message, bytes: v.message.slice() };
}

export const bundleHandlers: Handlers = {
  bundle_control: changing((s, v) => {
    if (v.type === BUNDLE.open) open(s, v.id, v.flags);
    else if (v.type === BUNDLE.close) close(s, v.id, v.flags);
    else if (v.type === BUNDLE.commit) commit(s, v.id, v.flags);
    else if (v.type === BUNDLE.discard) discard(s, v.id);
    else throw ofError('OFPBFC_BAD_TYPE');
    s.reply('bundle_control', { id: v.id, type: v.type + 1, flags: 0 });
  }),
  bundle_add: changing((s, v) => add(s, v)),
};
