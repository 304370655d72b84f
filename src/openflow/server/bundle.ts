/**
 * Bundles. Messages are read when they are added, so that what no one could do is refused there, and kept in little memory (bundle-queue.ts); a commit
 * applies them in order, all or nothing. A bundle costs memory, so a peer has at most so many, of at most so many bytes.
 */
import { Match } from '../../flow/match.js';
import { namesOthers } from '../../flowtable/actions.js';
import type { FlowMod } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { ofError } from '../errors.js';
import { decode, HEADER_BYTES, type Message, readHeader } from '../message.js';
import { BUNDLE, type BundleAdd } from '../messages/bundle.js';
import type { FlowModMessage } from '../messages/flow-mod.js';
import { toGroupMod } from '../messages/group.js';
import type { Kind } from '../registry.js';
import { modifyPort } from './basic.js';
import type { Bundle } from './bundle-table.js';
import { checkBuffer, flowModOf, soundFlowMod } from './flow.js';
import { changing, type Handlers } from './handler.js';
import { sendPacket } from './packet.js';
import type { Session } from './session.js';

/** What may be in a bundle. */
const ALLOWED: ReadonlySet<Kind> = new Set<Kind>(['flow_mod', 'group_mod', 'port_mod', 'packet_out']);

/** For reading one message after the other. */
const scratch = new Match();

function open(s: Session, id: number, flags: number): Bundle {
  if (s.bundles.delete(id)) throw ofError('OFPBFC_BAD_ID');
  return s.bundles.open(id, flags, s.requestBytes, s.bridge.tun);
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
  const { bridge } = s;
  let fault: Uint8Array | undefined;
  try {
    bridge.atomically(() => {
      bundle.queue.each(bridge.tun, {
        addition: (flows) => bridge.addPrepared(flows.take()),
        other: (request) => {
          const m = messageIn(s, request);
          if (m.kind === 'flow_mod') bridge.flowMod(flowModOf(s, m.value));
          else if (m.kind === 'group_mod') bridge.groups.mod(toGroupMod(m.value));
        },
        fault: (request) => {
          fault = request;
        },
      });
    });
    if (bundle.others > 0) {
      bundle.queue.each(bridge.tun, { other: (request) => applyOther(s, messageIn(s, request)) });
    }
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    // The message at fault has its own error; the commit has this one.
    if (fault) s.connection.sendError(e.ofError ?? 'OFPBFC_MSG_FAILED', fault);
    throw ofError('OFPBFC_MSG_FAILED');
  }
}

/** The message that a request added. */
function messageIn(s: Session, request: Uint8Array): Message {
  const { kind, value } = decode(request);
  if (kind !== 'bundle_add') throw new Error(`weft bug: a ${kind} in a bundle`);
  return decode(value.message, scratch, s.bridge.tun);
}

/** What cannot be undone comes last, when nothing else can fail. */
function applyOther(s: Session, m: Message): void {
  if (m.kind === 'port_mod') modifyPort(s, m.value);
  else if (m.kind === 'packet_out') sendPacket(s, m.value);
}

function add(s: Session, v: BundleAdd): void {
  const m = check(s, v);
  const { tun } = s.bridge;
  const mod = m.kind === 'flow_mod' ? checkedMod(s, m.value) : undefined;
  // Adding to a bundle that is not open opens it.
  const bundle = s.bundles.get(v.id) ?? open(s, v.id, v.flags);
  if (bundle.closed) {
    s.bundles.delete(v.id);
    throw ofError('OFPBFC_BUNDLE_CLOSED');
  }
  if (bundle.flags !== v.flags) {
    s.bundles.delete(v.id);
    throw ofError('OFPBFC_BAD_FLAGS');
  }
  const isReady = mod?.command === 'add' && !namesOthers(mod.actions);
  s.bundles.add(v.id, bundle, s.requestBytes, isReady ? { mod, tun } : undefined);
  if (!mod && m.kind !== 'group_mod') bundle.others++;
}

function checkedMod(s: Session, v: FlowModMessage): FlowMod {
  const mod = soundFlowMod(s, v);
  checkBuffer(v);
  return mod;
}

/** The message in it, which can be read. Throws with the OpenFlow error. */
function check(s: Session, v: BundleAdd): Message {
  const { message } = v;
  if (message.length < HEADER_BYTES) throw ofError('OFPBFC_MSG_BAD_LEN');
  const header = readHeader(message);
  if (header.length !== message.length) throw ofError('OFPBFC_MSG_BAD_LEN');
  if (header.version !== s.version) throw ofError('OFPBFC_BAD_VERSION');
  if (header.xid !== s.xid) throw ofError('OFPBFC_MSG_BAD_XID');
  const m = decode(message, scratch, s.bridge.tun);
  if (!ALLOWED.has(m.kind)) throw ofError('OFPBFC_MSG_UNSUP');
  return m;
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
