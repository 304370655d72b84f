/** Actions that send the packet somewhere. */
import { OFPP } from '../../flow/field.js';
import { isZero } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf } from '../action.js';
import { argument, codes, mustBeZero, numberForms, nx, nxForm, ofForm, putNumber, std, V10, V11UP } from '../emit.js';
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
import { parseU32, splitItems } from '../text.js';

/** The least a packet may be cut to: an Ethernet header. */
const MIN_TRUNCATE = 14;

function parseTruncate(arg: string, ctx: ParseCtx): ActionOf<'output_trunc'> {
  let port = 0;
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
  precedent: true,
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
  precedent: true,
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
    const known = port <= 0xffffn || (port >= BigInt(OFPP.max) && port <= BigInt(OFPP.none));
    if (!known) {
      x.note(() => `>> output port ${port} is out of range`);
      return undefined;
    }
    const number = port <= 0xffffn ? port32(Number(port)) : Number(port);
    x.note(() => `-> output port is ${number > OFPP.max ? number & 0xffff : number}`);
    x.output(number, a.maxLen);
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
    x.enqueue(a.port, a.queue);
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
