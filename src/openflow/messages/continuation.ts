/**
 * What is in the continuation of an NXT_PACKET_IN2, which controllers keep and give back as it is. The layout is that of OVS 3.1, so that ovs-ofctl
 * shows what it holds.
 */
import type { Action } from '../../action/action.js';
import { Reader, Writer } from '../../action/wire.js';
import { getBig, putBig } from '../../lib/bytes.js';
import type { ActionGroup, Continuation } from '../../upcall/continuation.js';
import { ofError } from '../errors.js';
import { readActions, writeActions } from './actions.js';
import { readProperties, writeProperty } from './property.js';

const PROP = {
  bridge: 0x8000,
  stack: 0x8001,
  mirrors: 0x8002,
  conntracked: 0x8003,
  table: 0x8004,
  cookie: 0x8005,
  actions: 0x8006,
  actionSet: 0x8007,
  odpPort: 0x8008,
} as const;
const UUID_BYTES = 16;
/** Widest item of a stack. */
const MAX_ITEM = 128;

export interface WireContinuation extends Continuation {
  /** The bridge's UUID; undefined where none is said. */
  readonly bridge: Uint8Array | undefined;
  readonly mirrors: number;
  readonly conntracked: boolean;
  /** Datapath port of arrival; 0: not said. */
  readonly odpPort: number;
}

export function encodeContinuation(c: WireContinuation, version: number): Uint8Array {
  const w = new Writer(version);
  // Contents begin at a multiple of 8 of the message.
  w.zeros(4);
  const { bridge } = c;
  if (bridge) put(w, PROP.bridge, () => w.bytes(swapWords(bridge)));
  for (const item of [...c.stack].reverse()) put(w, PROP.stack, () => w.bytes(itemBytes(item)));
  if (c.mirrors) put(w, PROP.mirrors, () => w.u32(c.mirrors));
  if (c.conntracked) put(w, PROP.conntracked, () => {});
  let table = 0;
  let cookie = 0n;
  for (const g of c.groups) {
    if (g.table !== table) put(w, PROP.table, () => w.u8(g.table));
    if (g.cookie !== cookie) {
      put(w, PROP.cookie, () => {
        w.zeros(4);
        w.u64(g.cookie);
      });
    }
    ({ table, cookie } = g);
    putActions(w, PROP.actions, g.actions);
  }
  if (c.actionSet.length > 0) putActions(w, PROP.actionSet, c.actionSet);
  if (c.odpPort) put(w, PROP.odpPort, () => w.u32(c.odpPort));
  return w.finish();
}

const put = writeProperty;

/** OVS keeps a UUID as four numbers and sends them as they lie in memory: the lowest byte first, where OVS is used. */
function swapWords(uuid: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.from(uuid).swap32());
}

function putActions(w: Writer, type: number, actions: readonly Action[]): void {
  put(w, type, () => {
    w.zeros(4);
    writeActions(w, actions);
  });
}

function itemBytes(item: { value: bigint; bits: number }): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(item.bits / 8));
  putBig(bytes, 0, bytes.length, item.value);
  return bytes;
}

/** `loose`: properties that nobody knows are passed over. Throws UserError with the OpenFlow error. */
export function decodeContinuation(bytes: Uint8Array, version: number, loose: boolean): WireContinuation {
  const r = new Reader(bytes, version);
  if (r.remaining > 0) r.sub(4, 'OFPBPC_BAD_LEN');
  const c = { bridge: undefined as Uint8Array | undefined, mirrors: 0, conntracked: false, odpPort: 0 };
  const stack: { value: bigint; bits: number }[] = [];
  const groups: ActionGroup[] = [];
  let actionSet: Action[] = [];
  let at = { table: 0, cookie: 0n };
  readProperties(r, (type, body) => {
    const list = (): Action[] => {
      body.sub(4, 'OFPBPC_BAD_LEN');
      return readActions(body, body.remaining);
    };
    if (type === PROP.bridge) c.bridge = swapWords(body.bytes(UUID_BYTES));
    else if (type === PROP.stack) {
      if (body.remaining > MAX_ITEM) throw ofError('OFPBPC_BAD_LEN');
      const bits = 8 * body.remaining;
      stack.unshift({ value: getBig(body.bytes(body.remaining), 0, bits / 8), bits });
    } else if (type === PROP.mirrors) c.mirrors = body.u32();
    else if (type === PROP.conntracked) c.conntracked = true;
    else if (type === PROP.table) at = { ...at, table: body.u8() };
    else if (type === PROP.cookie) {
      body.skip(4);
      at = { ...at, cookie: body.u64() };
    } else if (type === PROP.actions) groups.push({ ...at, actions: list() });
    else if (type === PROP.actionSet) actionSet = list();
    else if (type === PROP.odpPort) c.odpPort = body.u32();
    else if (!loose) throw ofError('OFPBPC_BAD_TYPE');
  });
  return { ...c, stack, groups, actionSet };
}
