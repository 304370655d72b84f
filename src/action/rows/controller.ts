/** The controller action: a packet-in, with more to say than an output to CONTROLLER has. */
import { OFPP } from '../../flow/field.js';
import { formatHex, parseHex } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { type ActionOf, NO_METER } from '../action.js';
import { mustBeZero, nx, nxForm, nxOpenForm } from '../emit.js';
import type { ActionRow } from '../row.js';
import { parseU16, parseU32, splitItems } from '../text.js';

/** Packet-in reasons by their number. */
const REASONS = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out'];
const REASON_ACTION = 1;
/** Properties of NXAST_CONTROLLER2. */
const PROP = { maxLen: 0, controllerId: 1, reason: 2, userdata: 3, pause: 4, meterId: 5 } as const;

export const controller: ActionRow<ActionOf<'controller'>> = {
  type: 'controller',
  keywords: ['controller'],
  syntax: ['controller', 'controller:max_len', 'controller(key[=value],...)'],
  doc: 'Sends the packet to a controller, in a packet-in message.',
  parse(_key, arg) {
    const a = { maxLen: 0xffff, reason: REASON_ACTION, controllerId: 0, pause: false, meterId: NO_METER };
    let userdata: Uint8Array | undefined;
    if (/^\d+$/.test(arg)) {
      a.maxLen = parseU16(arg, 'max_len');
    } else {
      for (const { key, arg: value } of splitItems(arg)) {
        if (key === 'reason') {
          a.reason = REASONS.indexOf(value);
          if (a.reason < 0) throw new UserError(`unknown reason "${value}"`);
        } else if (key === 'max_len') a.maxLen = parseU16(value, 'max_len');
        else if (key === 'id') a.controllerId = parseU16(value, 'id');
        else if (key === 'userdata') userdata = hexBytes(value, "bad hex digit in `controller' action `userdata'");
        else if (key === 'pause') a.pause = true;
        else if (key === 'meter_id') a.meterId = parseU32(value);
        else throw new UserError(`unknown key "${key}" parsing controller action`);
      }
    }
    const plain = a.reason === REASON_ACTION && a.controllerId === 0 && !userdata && !a.pause && a.meterId === NO_METER;
    if (plain) return { type: 'output', port: OFPP.controller, maxLen: a.maxLen };
    return { type: 'controller', ...a, userdata: userdata ?? new Uint8Array(0) };
  },
  format(a) {
    const parts: string[] = [];
    if (a.reason !== REASON_ACTION) parts.push(`reason=${REASONS[a.reason] ?? a.reason}`);
    const only = parts.length === 0 && !a.controllerId && a.userdata.length === 0 && !a.pause && a.meterId === NO_METER;
    if (only) return `CONTROLLER:${a.maxLen}`;
    if (a.maxLen !== 0xffff) parts.push(`max_len=${a.maxLen}`);
    if (a.controllerId !== 0) parts.push(`id=${a.controllerId}`);
    if (a.userdata.length > 0) parts.push(`userdata=${formatHex(a.userdata, '.')}`);
    if (a.pause) parts.push('pause');
    if (a.meterId !== NO_METER) parts.push(`meter_id=${a.meterId}`);
    return `controller(${parts.join(',')})`;
  },
  encode(a, w) {
    const long = a.userdata.length > 0 || a.pause || a.meterId !== NO_METER || a.wire === 'controller2';
    if (!long) {
      nx(w, 20, () => {
        w.u16(a.maxLen);
        w.u16(a.controllerId);
        w.u8(a.reason);
        w.u8(0);
      });
      return;
    }
    const property = (type: number, length: number, body: () => void): void => {
      const start = w.length;
      w.u16(type);
      w.u16(4 + length);
      body();
      w.pad(start);
    };
    nx(w, 37, () => {
      w.zeros(6);
      // A 16-bit property counts its padding; an 8-bit one does not.
      if (a.maxLen !== 0xffff) property(PROP.maxLen, 4, () => w.u32(a.maxLen * 0x10000));
      if (a.controllerId !== 0) property(PROP.controllerId, 4, () => w.u32(a.controllerId * 0x10000));
      if (a.reason !== REASON_ACTION) property(PROP.reason, 1, () => w.u8(a.reason));
      if (a.userdata.length > 0) property(PROP.userdata, a.userdata.length, () => w.bytes(a.userdata));
      if (a.pause) property(PROP.pause, 0, () => {});
      if (a.meterId !== NO_METER) property(PROP.meterId, 4, () => w.u32(a.meterId));
    });
  },
  forms: [
    nxForm(20, 16, (r) => ({
      type: 'controller',
      maxLen: r.u16(),
      controllerId: r.u16(),
      reason: r.u8(),
      userdata: new Uint8Array(0),
      pause: false,
      meterId: NO_METER,
    })),
    nxOpenForm(37, 16, (r) => {
      mustBeZero(r, 'NXBRC_MUST_BE_ZERO', 6);
      const a = { maxLen: 0xffff, reason: REASON_ACTION, controllerId: 0, pause: false, meterId: NO_METER };
      let userdata = new Uint8Array(0);
      while (r.remaining > 0) {
        if (r.remaining < 4) throw new UserError('a property of controller is cut off', 'OFPBPC_BAD_LEN');
        const type = r.u16();
        const length = r.u16();
        const padded = Math.ceil(length / 8) * 8;
        if (length < 4 || padded - 4 > r.remaining) {
          throw new UserError('a property of controller has a bad length', 'OFPBPC_BAD_LEN');
        }
        const p = r.sub(length - 4, 'OFPBPC_BAD_LEN');
        r.skip(padded - length);
        if (type === PROP.maxLen) a.maxLen = atLeast(p.remaining, 2, () => p.u16());
        else if (type === PROP.controllerId) a.controllerId = atLeast(p.remaining, 2, () => p.u16());
        else if (type === PROP.reason) a.reason = atLeast(p.remaining, 1, () => p.u8());
        else if (type === PROP.userdata) userdata = new Uint8Array(p.bytes(p.remaining));
        else if (type === PROP.pause) a.pause = true;
        else if (type === PROP.meterId) a.meterId = atLeast(p.remaining, 4, () => p.u32());
        else throw new UserError(`controller has an unknown property ${type}`, 'OFPBPC_BAD_TYPE');
      }
      return { type: 'controller', ...a, userdata, wire: 'controller2' };
    }),
  ],
  translate(a, x) {
    x.controller(a);
    return undefined;
  },
};

/** The number that a property starts with. */
function atLeast<T>(got: number, want: number, read: () => T): T {
  if (got < want) throw new UserError('a property of controller has a bad length', 'OFPBPC_BAD_LEN');
  return read();
}

/** Bytes of hex text, or a UserError of these words. */
export function hexBytes(text: string, refusal: string): Uint8Array {
  if (!/^([0-9a-fA-F]{2}[.\s]*)*$/.test(text)) throw new UserError(refusal);
  return parseHex(text.replace(/[.\s]/g, ''));
}
