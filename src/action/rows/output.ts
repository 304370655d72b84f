/** Actions that send the packet somewhere. */
import { OFPP } from '../../flow/field.js';
import { formatHex, isZero, parseHex } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { type ActionOf, NO_METER } from '../action.js';
import {
  argument,
  codes,
  mustBeZero,
  numberForms,
  nx,
  nxForm,
  nxOpenForm,
  ofForm,
  putNumber,
  std,
  V10,
  V11UP,
} from '../emit.js';
import {
  checkSource,
  decodeOfsBits,
  encodeOfsBits,
  formatSubfield,
  needsLongHeader,
  parseSubfield,
  pullHeader,
  pullShortHeader,
  putHeader,
  subfieldOf,
} from '../fields.js';
import { checkOutputPort, formatPort, port16, port32, tryPort } from '../ports.js';
import type { ActionRow, ParseCtx } from '../row.js';
import { parseU16, parseU32, splitItems } from '../text.js';

/** The least a packet may be cut to: an Ethernet header. */
const MIN_TRUNCATE = 14;

function parseTruncate(arg: string, ctx: ParseCtx): ActionOf<'output_trunc'> {
  let port: number = 0;
  let maxLen = 0;
  for (const { key, arg: value } of splitItems(arg)) {
    if (key === 'port') {
      const p = tryPort(ctx, value);
      if (p === undefined) throw new UserError(`output to unknown truncate port: ${value}`);
      if (p > OFPP.max && p !== OFPP.local && p !== OFPP.inPort) {
        throw new UserError(`output to unsupported truncate port: ${value}`);
      }
      port = p;
    } else if (key === 'max_len') {
      maxLen = parseU32(value);
      if (maxLen < MIN_TRUNCATE)
        throw new UserError(`max_len ${maxLen} is less than the minimum value ${MIN_TRUNCATE}`);
    } else {
      throw new UserError(`invalid key '${key}' in output_trunc argument`);
    }
  }
  return { type: 'output_trunc', port, maxLen };
}

/** A port of a 32-bit field. Between 0xff00 and 0xffffff00 no port can be. */
function portFrom32(port: number): number {
  if (port >= 0xff00 && port < OFPP.max) {
    throw new UserError(`port ${port} is out of range`, 'OFPBAC_BAD_OUT_PORT');
  }
  return checkOutputPort(port);
}

export const output: ActionRow<ActionOf<'output'>> = {
  type: 'output',
  keywords: ['output'],
  syntax: ['port', 'output:port'],
  doc: 'Outputs the packet to a port, or to what a reserved name stands for.',
  set: 'final',
  parse(_key, arg, ctx) {
    if (arg.includes('port') && arg.includes('max_len')) return parseTruncate(arg, ctx);
    const port = tryPort(ctx, arg);
    if (port !== undefined) return { type: 'output', port, maxLen: port === OFPP.controller ? 0xffff : 0 };
    try {
      return { type: 'output_reg', src: parseSubfield(arg), maxLen: 0xffff };
    } catch (e) {
      if (e instanceof UserError) throw new UserError(`${arg}: output to unknown port`);
      throw e;
    }
  },
  format(a, names) {
    const port = formatPort(a.port, names);
    if (a.port === OFPP.controller) return `${port}:${a.maxLen}`;
    return a.port < OFPP.max ? `output:${port}` : port;
  },
  encode(a, w) {
    std(w, 0, () => {
      if (w.version === 1) {
        w.u16(port16(a.port));
        w.u16(a.maxLen);
      } else {
        w.u32(a.port);
        w.u16(a.maxLen);
      }
    });
  },
  forms: [
    ofForm(0, V10, 8, (r) => ({ type: 'output', port: checkOutputPort(port32(r.u16())), maxLen: r.u16() })),
    ofForm(0, V11UP, 16, (r) => ({ type: 'output', port: portFrom32(r.u32()), maxLen: r.u16() })),
  ],
  check(a) {
    checkOutputPort(a.port);
    return undefined;
  },
  translate(a, x) {
    x.output(a.port, a.maxLen);
    return undefined;
  },
};

export const outputReg: ActionRow<ActionOf<'output_reg'>> = {
  type: 'output_reg',
  keywords: [],
  syntax: ['output:field'],
  doc: 'Outputs the packet to the port whose number is in a field.',
  parse: output.parse,
  format: (a) => `output:${formatSubfield(a.src)}`,
  encode(a, w) {
    if (a.wire === 'output_reg2' || needsLongHeader(a.src.field)) {
      nx(w, 32, () => {
        const start = w.length;
        w.u16(encodeOfsBits(a.src));
        w.u16(a.maxLen);
        putHeader(w, a.src.field, 0);
        w.zeros(14 - (w.length - start));
      });
    } else {
      nx(w, 15, () => {
        w.u16(encodeOfsBits(a.src));
        putHeader(w, a.src.field, 0);
        w.u16(a.maxLen);
        w.zeros(6);
      });
    }
  },
  forms: [
    nxForm(15, 24, (r) => {
      argument(isZero(r.peek(14), 8), 'reserved bytes of output_reg are not zero');
      const bits = decodeOfsBits(r.u16());
      const src = subfieldOf(pullShortHeader(r), bits);
      const maxLen = r.u16();
      checkSource(src);
      return { type: 'output_reg', src, maxLen };
    }),
    nxForm(32, 24, (r) => {
      const bits = decodeOfsBits(r.u16());
      const maxLen = r.u16();
      const src = subfieldOf(pullHeader(r), bits);
      mustBeZero(r);
      checkSource(src);
      return { type: 'output_reg', src, maxLen, wire: 'output_reg2' };
    }),
  ],
  check(a, state) {
    checkSource(a.src, state);
    return undefined;
  },
  translate(a, x) {
    const port = x.read(a.src);
    if (port <= 0xffffn) x.output(port32(Number(port)), a.maxLen);
    else if (port >= BigInt(OFPP.max) && port <= BigInt(OFPP.none)) x.output(Number(port), a.maxLen);
    return undefined;
  },
};

export const outputTrunc: ActionRow<ActionOf<'output_trunc'>> = {
  type: 'output_trunc',
  keywords: [],
  syntax: ['output(port=port,max_len=bytes)'],
  doc: 'Outputs at most so many bytes of the packet.',
  parse: (_key, arg, ctx) => parseTruncate(arg, ctx),
  format: (a, names) => `output(port=${formatPort(a.port, names)},max_len=${a.maxLen})`,
  encode(a, w) {
    nx(w, 39, () => {
      w.u16(port16(a.port));
      w.u32(a.maxLen);
    });
  },
  forms: [
    nxForm(39, 16, (r) => {
      const port = port32(r.u16());
      const maxLen = r.u32();
      argument(maxLen >= MIN_TRUNCATE, `max_len ${maxLen} is less than ${MIN_TRUNCATE}`);
      return { type: 'output_trunc', port, maxLen };
    }),
  ],
  check(a) {
    checkOutputPort(a.port);
    return undefined;
  },
  translate(a, x) {
    x.outputTrunc(a.port, a.maxLen);
    return undefined;
  },
};

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

export const enqueue: ActionRow<ActionOf<'enqueue'>> = {
  type: 'enqueue',
  keywords: ['enqueue'],
  syntax: ['enqueue(port,queue)', 'enqueue:port:queue'],
  doc: 'Outputs the packet to a queue of a port.',
  parse(_key, arg, ctx) {
    const at = arg.search(/[:q,]/);
    const [port, queue] = at < 0 ? [arg, ''] : [arg.slice(0, at), arg.slice(at + 1)];
    if (!port || !queue) {
      throw new UserError('"enqueue" syntax is "enqueue:PORT:QUEUE" or "enqueue(PORT,QUEUE)"');
    }
    const p = tryPort(ctx, port);
    if (p === undefined) throw new UserError(`${port}: enqueue to unknown port`);
    return { type: 'enqueue', port: p, queue: parseU32(queue) };
  },
  format: (a, names) => `enqueue:${formatPort(a.port, names)}:${a.queue}`,
  encode(a, w) {
    if (w.version === 1) {
      std(w, 11, () => {
        w.u16(port16(a.port));
        w.zeros(6);
        w.u32(a.queue);
      });
      return;
    }
    std(w, 21, () => w.u32(a.queue));
    std(w, 0, () => {
      w.u32(a.port);
      w.u16(0xffff);
    });
    nx(w, 5);
  },
  forms: [
    ofForm(11, V10, 16, (r) => {
      const port = checkEnqueuePort(port32(r.u16()));
      r.skip(6);
      return { type: 'enqueue', port, queue: r.u32() };
    }),
  ],
  check(a) {
    checkEnqueuePort(a.port);
    return undefined;
  },
  translate(a, x) {
    x.setQueue(a.queue);
    x.output(a.port, 0);
    x.popQueue();
    return undefined;
  },
};

function checkEnqueuePort(port: number): number {
  if (port >= 0xff00 && port !== OFPP.inPort && port !== OFPP.local) {
    throw new UserError(`${formatPort(port)} has no queues`, 'OFPBAC_BAD_OUT_PORT');
  }
  return port;
}

const GROUP = codes(40, 22);

export const group: ActionRow<ActionOf<'group'>> = {
  type: 'group',
  keywords: ['group'],
  syntax: ['group:group'],
  doc: 'Outputs the packet to a group.',
  set: 'final',
  parse: (_key, arg) => ({ type: 'group', id: parseU32(arg) }),
  format: (a) => `group:${a.id}`,
  encode: (a, w) => putNumber(w, GROUP, 4, a.id),
  forms: numberForms(GROUP, 4, (v) => ({ type: 'group', id: Number(v) })),
  translate(a, x) {
    x.group(a.id);
    return undefined;
  },
};
