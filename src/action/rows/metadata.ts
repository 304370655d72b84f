/** Actions on what the switch keeps beside the packet: TTL, tunnel id, queue, timeouts of the rule, notes. */

import { TUN_PRESENT } from '../../flow/tun-table.js';
import { formatHex } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf } from '../action.js';
import {
  ALL,
  argument,
  type Code,
  codes,
  mustBeZero,
  numberForms,
  nx,
  nxForm,
  nxOpenForm,
  putNumber,
} from '../emit.js';
import {
  checkDestination,
  fieldNamed,
  formatSubfield,
  parseSubfield,
  pullHeader,
  putHeader,
  putSetField,
  whole,
} from '../fields.js';
import type { ActionRow } from '../row.js';
import { hex, parseLeading, parseU16, parseU32, parseU64, splitArrow, splitItems, splitWords } from '../text.js';
import { hexBytes } from './controller.js';

const DEC_TTL = codes(18, 24);
export const decTtl: ActionRow<ActionOf<'dec_ttl'>> = {
  type: 'dec_ttl',
  precedent: true,
  keywords: ['dec_ttl'],
  syntax: ['dec_ttl', 'dec_ttl(id1[,id2]...)'],
  doc: 'Decrements the IP TTL or hop limit; where it runs out the list ends and the controllers with these ids are told.',
  set: 'slot',
  parse(_key, arg) {
    if (arg === '') return { type: 'dec_ttl', controllerIds: [] };
    const controllerIds = splitWords(arg, /[, ]/).map((w) => parseLeading(w) & 0xffff);
    if (controllerIds.length === 0) throw new UserError('dec_ttl_cnt_ids: expected at least one controller id.');
    return { type: 'dec_ttl', controllerIds };
  },
  format: (a) => (a.controllerIds.length > 0 ? `dec_ttl(${a.controllerIds.join(',')})` : 'dec_ttl'),
  encode(a, w) {
    if (a.controllerIds.length === 0) {
      putNumber(w, DEC_TTL, 0);
      return;
    }
    nx(w, 21, () => {
      w.u16(a.controllerIds.length);
      w.zeros(4);
      for (const id of a.controllerIds) w.u16(id);
    });
  },
  forms: [
    ...numberForms<ActionOf<'dec_ttl'>>(DEC_TTL, 0, () => ({ type: 'dec_ttl', controllerIds: [] })),
    nxOpenForm(21, 16, (r) => {
      const n = r.u16();
      mustBeZero(r, 'NXBRC_MUST_BE_ZERO', 4);
      return { type: 'dec_ttl', controllerIds: Array.from({ length: n }, () => r.u16()) };
    }),
  ],
  check(_a, state) {
    if (!state.isIp()) state.inconsistent('dec_ttl needs a match on IPv4 or IPv6');
    return undefined;
  },
  translate: (a, x) => (x.decTtl(a.controllerIds.length > 0 ? a.controllerIds : [0]) ? undefined : false),
};

const TUNNEL32: readonly Code[] = [{ space: 'nx', number: 2, versions: ALL }];
const TUNNEL64: readonly Code[] = [{ space: 'nx', number: 9, versions: ALL }];
export const setTunnel: ActionRow<ActionOf<'set_tunnel'>> = {
  type: 'set_tunnel',
  keywords: ['set_tunnel', 'set_tunnel64'],
  syntax: ['set_tunnel:id', 'set_tunnel64:id'],
  doc: 'Sets the tunnel id (VNI, key) that the packet is sent with.',
  set: 'sequence',
  parse: (key, arg) => ({
    type: 'set_tunnel',
    id: parseU64(arg),
    form: key === 'set_tunnel64' ? 'set_tunnel64' : 'set_tunnel',
  }),
  format: (a) => `${a.id > 0xffffffffn ? 'set_tunnel64' : a.form}:${hex(a.id)}`,
  encode(a, w) {
    if (w.version >= 3) putSetField(w, fieldNamed('tun_id'), a.id);
    else if (a.form === 'set_tunnel' && a.id <= 0xffffffffn) putNumber(w, TUNNEL32, 4, a.id);
    else putNumber(w, TUNNEL64, 8, a.id);
  },
  forms: [
    ...numberForms<ActionOf<'set_tunnel'>>(TUNNEL32, 4, (id) => ({ type: 'set_tunnel', id, form: 'set_tunnel' })),
    ...numberForms<ActionOf<'set_tunnel'>>(TUNNEL64, 8, (id) => ({ type: 'set_tunnel', id, form: 'set_tunnel64' })),
  ],
  translate(a, x) {
    x.write(whole(fieldNamed('tun_id')), a.id, 0xffffffffffffffffn);
    return undefined;
  },
};

const SET_QUEUE = codes(4, 21);
export const setQueue: ActionRow<ActionOf<'set_queue'>> = {
  type: 'set_queue',
  keywords: ['set_queue'],
  syntax: ['set_queue:queue'],
  doc: 'Chooses the queue of the outputs that follow.',
  set: 'sequence',
  parse: (_key, arg) => ({ type: 'set_queue', queue: parseU32(arg) }),
  format: (a) => `set_queue:${a.queue}`,
  encode: (a, w) => putNumber(w, SET_QUEUE, 4, a.queue),
  forms: numberForms<ActionOf<'set_queue'>>(SET_QUEUE, 4, (v) => ({ type: 'set_queue', queue: Number(v) })),
  translate(a, x) {
    x.setQueue(a.queue);
    return undefined;
  },
};

const POP_QUEUE: readonly Code[] = [{ space: 'nx', number: 5, versions: ALL }];
export const popQueue: ActionRow<ActionOf<'pop_queue'>> = {
  type: 'pop_queue',
  keywords: ['pop_queue'],
  syntax: ['pop_queue'],
  doc: 'Goes back to the queue that the packet arrived with.',
  parse: () => ({ type: 'pop_queue' }),
  format: () => 'pop_queue',
  encode: (_a, w) => putNumber(w, POP_QUEUE, 0),
  forms: numberForms<ActionOf<'pop_queue'>>(POP_QUEUE, 0, () => ({ type: 'pop_queue' })),
  translate(_a, x) {
    x.popQueue();
    return undefined;
  },
};

export const finTimeout: ActionRow<ActionOf<'fin_timeout'>> = {
  type: 'fin_timeout',
  keywords: ['fin_timeout'],
  syntax: ['fin_timeout([idle_timeout=seconds][,hard_timeout=seconds])'],
  doc: 'Shortens the timeouts of its flow when a TCP packet with FIN or RST passes.',
  parse(_key, arg) {
    let idle = 0;
    let hard = 0;
    for (const { key, arg: value } of splitItems(arg)) {
      if (key === 'idle_timeout') idle = parseU16(value, key);
      else if (key === 'hard_timeout') hard = parseU16(value, key);
      else throw new UserError(`invalid key '${key}' in 'fin_timeout' argument`);
    }
    return { type: 'fin_timeout', idle, hard };
  },
  format(a) {
    const parts = [a.idle ? `idle_timeout=${a.idle}` : '', a.hard ? `hard_timeout=${a.hard}` : ''];
    return `fin_timeout(${parts.filter(Boolean).join(',')})`;
  },
  encode(a, w) {
    nx(w, 19, () => {
      w.u16(a.idle);
      w.u16(a.hard);
    });
  },
  forms: [nxForm(19, 16, (r) => ({ type: 'fin_timeout', idle: r.u16(), hard: r.u16() }))],
  check(_a, state) {
    if (state.ipProto !== 6) state.inconsistent('fin_timeout needs a match on TCP');
    return undefined;
  },
  translate(a, x) {
    x.finTimeout(a.idle, a.hard);
    return undefined;
  },
};

export const note: ActionRow<ActionOf<'note'>> = {
  type: 'note',
  precedent: true,
  keywords: ['note'],
  syntax: ['note:[hh]...'],
  doc: 'Does nothing: bytes that go with a flow. On the wire they are padded to 6 more than a multiple of 8.',
  parse: (_key, arg) => ({ type: 'note', data: hexBytes(arg, "bad hex digit in `note' argument") }),
  format: (a) => `note:${formatHex(a.data, '.')}`,
  encode: (a, w) => nx(w, 8, () => w.bytes(a.data)),
  forms: [nxOpenForm(8, 16, (r) => ({ type: 'note', data: r.bytes(r.remaining) }))],
  translate: () => undefined,
};

export const deleteField: ActionRow<ActionOf<'delete_field'>> = {
  type: 'delete_field',
  keywords: ['delete_field'],
  syntax: ['delete_field:field'],
  doc: 'Deletes a tunnel option (tun_metadata) from what the packet will be sent with.',
  parse(_key, arg) {
    const sf = parseSubfield(arg);
    return { type: 'delete_field', field: whole(sf.field) };
  },
  format: (a) => `delete_field:${a.field.field.name}`,
  encode(a, w) {
    nx(w, 50, () => {
      const start = w.length;
      putHeader(w, a.field.field, 0);
      w.zeros(14 - (w.length - start));
    });
  },
  forms: [nxForm(50, 24, (r) => ({ type: 'delete_field', field: whole(pullHeader(r)) }))],
  check(a) {
    argument(a.field.field.name.startsWith('tun_metadata'), 'delete_field takes a tun_metadata field only');
    return undefined;
  },
  translate(a, x) {
    x.write(a.field, 0n, (1n << BigInt(a.field.bits)) - 1n);
    x.write({ field: TUN_PRESENT, ofs: a.field.field.tunMetadata ?? 0, bits: 1 }, 0n, 1n);
    return undefined;
  },
};

export const checkPktLarger: ActionRow<ActionOf<'check_pkt_larger'>> = {
  type: 'check_pkt_larger',
  keywords: ['check_pkt_larger'],
  syntax: ['check_pkt_larger(length)->bit'],
  doc: 'Sets a bit to whether the packet is longer than this.',
  parse(_key, arg) {
    const { value, dst } = splitArrow(arg);
    const sf = parseSubfield(dst);
    if (sf.bits !== 1) throw new UserError('Only 1-bit destination field is allowed');
    return { type: 'check_pkt_larger', length: parseU16(value.replace(/\)$/, ''), 'packet length'), dst: sf };
  },
  format: (a) => `check_pkt_larger(${a.length})->${formatSubfield(a.dst)}`,
  encode(a, w) {
    nx(w, 49, () => {
      w.u16(a.length);
      w.u16(a.dst.ofs);
      const start = w.length;
      putHeader(w, a.dst.field, 0);
      w.zeros(10 - (w.length - start));
    });
  },
  forms: [
    nxForm(49, 24, (r) => {
      const length = r.u16();
      const ofs = r.u16();
      const dst = { field: pullHeader(r), ofs, bits: 1 };
      mustBeZero(r);
      checkDestination(dst);
      return { type: 'check_pkt_larger', length, dst };
    }),
  ],
  translate(a, x) {
    x.checkPktLarger(a.length, a.dst);
    return undefined;
  },
};
