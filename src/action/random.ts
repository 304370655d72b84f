/**
 * Random legal lists of actions, for tests of every room that handles them. Deterministic: the generator is an argument. What comes out is
 * what ovs-ofctl would accept, so that the real tool can be the judge of it.
 */
import { type FieldRow, OFPP, type Subfield } from '../flow/field.js';
import { FIELDS, field } from '../flow/fields.js';
import type { Random } from '../lib/random.js';
import { type Action, type LearnItem, NO_METER } from './action.js';
import { allBits, lowBits, needsLongHeader, noMask, whole } from './fields.js';
import { MODS, modAction } from './rows/set-mod.js';

export interface RandomActionsOptions {
  /** Types to choose from; default: all but ct, nat and the instructions. */
  readonly types?: readonly Action['type'][];
  /** Ports to output to. Default: 1 to 100 and the reserved ones. */
  readonly ports?: readonly number[];
  /** Tables to go to. Default: 1 to 20. */
  readonly tables?: readonly number[];
  /** How many actions at most; default 6. */
  readonly length?: number;
  /** May instructions end the list? Default: true. */
  readonly instructions?: boolean;
  /** May fields be used whose prerequisites say this? Default: those with none, and Ethernet. */
  readonly allows?: (row: FieldRow) => boolean;
}

const RESERVED = [OFPP.inPort, OFPP.normal, OFPP.flood, OFPP.all, OFPP.local, OFPP.controller];
const PLAIN = (row: FieldRow): boolean => row.prereqs === 'none' || row.prereqs === 'ethernet';
const NOT_IN_ACTIONS = /^(ct_|in_port_oxm|vlan_|dl_vlan|skb_priority|tun_metadata|tun_t|tun_flags|packet_type|actset)/;
const HASHES = ['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'nw_src', 'nw_dst', 'symmetric_l3'];
const INSTRUCTIONS = ['clear_actions', 'write_actions', 'write_metadata', 'goto_table'] as const;

export function randomBig(r: Random, bits: number): bigint {
  let v = 0n;
  for (let n = 0; n < bits; n += 32) v = (v << 32n) | BigInt(r.u32());
  return v & lowBits(bits);
}

type Maker = (g: Generator) => Action;

/** One list being made: chance, and what may be used. */
class Generator {
  readonly readable: readonly FieldRow[];
  readonly writable: readonly FieldRow[];

  constructor(
    readonly r: Random,
    readonly options: RandomActionsOptions,
    readonly depth = 0,
    /** A packet takes two tags; the mod_vlan forms push one too. So one is pushed at most. */
    readonly tagged = { done: false },
  ) {
    const allows = options.allows ?? PLAIN;
    this.readable = FIELDS.filter((f) => f.ids.length > 0 && !NOT_IN_ACTIONS.test(f.name) && allows(f));
    this.writable = this.readable.filter((f) => f.writable);
  }

  port(reserved = true): number {
    const { ports } = this.options;
    if (ports) return this.r.pick(ports);
    return reserved && this.r.chance(0.3) ? this.r.pick(RESERVED) : this.r.between(1, 100);
  }

  table(): number {
    return this.options.tables ? this.r.pick(this.options.tables) : this.r.between(1, 20);
  }

  /** Bits of a field of at most `max` bits. */
  bits(rows: readonly FieldRow[], max: number, min = 1): Subfield {
    const fits = rows.filter((f) => f.bits >= min);
    const row = this.r.pick(fits);
    const bits = this.r.between(min, Math.min(max, row.bits));
    if (this.r.chance(0.4) && row.bits <= max) return whole(row);
    return { field: row, ofs: this.r.between(0, row.bits - bits), bits };
  }

  /** A value that the field can have, and perhaps a mask. */
  set(): Action {
    const row = this.r.pick(this.writable);
    const dst = whole(row);
    const masked = row.maskable !== 'no' && this.r.chance(0.4);
    // ovs-ofctl takes the digits that an IPv6 mask starts with for a prefix length: prefixes only, there.
    const random = row.format === 'ipv6' ? lowBits(128) << BigInt(this.r.below(128)) : randomBig(this.r, row.bits);
    const mask = masked ? random & row.valid : 0n;
    const usable = mask === 0n ? noMask(row) : mask;
    const value = randomBig(this.r, row.bits) & usable & row.valid;
    return { type: 'set_field', dst, value, mask: usable, form: 'set_field' };
  }

  load(): Action {
    const dst = this.bits(this.writable, 64);
    const value = randomBig(this.r, dst.bits) & (dst.field.valid >> BigInt(dst.ofs));
    return { type: 'set_field', dst, value, mask: lowBits(dst.bits), form: 'load' };
  }

  mod(): Action {
    const allows = this.options.allows ?? PLAIN;
    const m = this.r.pick(
      MODS.filter(
        (mod) => !mod.form.startsWith('set_') && (mod.form.startsWith('mod_vlan') || allows(field(mod.field))),
      ),
    );
    const dst = whole(field(m.field));
    return modAction(m.form, m.field, randomBig(this.r, dst.field.bits) & allBits(dst) & lowBits(dst.bits));
  }

  move(): { src: Subfield; dst: Subfield } {
    const dst = this.bits(this.writable, 64);
    const row = this.r.pick(this.readable.filter((f) => f.bits >= dst.bits));
    return { src: { field: row, ofs: this.r.between(0, row.bits - dst.bits), bits: dst.bits }, dst };
  }

  learnItem(): LearnItem {
    // What the learned flow writes, its own match must have: it has none but registers here.
    const short = (f: FieldRow): boolean => !needsLongHeader(f) && PLAIN(f);
    const what = this.r.below(5);
    if (what === 0) return { kind: 'output', src: this.bits(this.readable.filter(short), 32) };
    if (what === 1) {
      const { src, dst } = this.move();
      if (short(src.field) && short(dst.field)) return { kind: 'load', src, dst };
    }
    if (what <= 2) {
      const dst = this.bits(this.writable.filter(short), 64);
      return { kind: 'load', dst, src: randomBig(this.r, dst.bits) };
    }
    const dst = this.bits(
      this.readable.filter((f) => short(f) && f.name.startsWith('reg')),
      32,
    );
    return { kind: 'match', dst, src: what === 3 ? randomBig(this.r, dst.bits) : { ...dst, field: field('reg7') } };
  }

  nested(types?: readonly Action['type'][]): Action[] {
    if (this.depth >= 2) return [];
    const options = { ...this.options, instructions: false, length: 3, ...(types ? { types } : {}) };
    return list(new Generator(this.r, options, this.depth + 1, this.tagged));
  }
}

/** What an action set may hold. */
const SET_TYPES: readonly Action['type'][] = [
  'output',
  'group',
  'set_field',
  'move',
  'push_vlan',
  'resubmit',
  'set_queue',
];

const MAKERS: Partial<Readonly<Record<Action['type'], Maker>>> = {
  output(g) {
    const port = g.port();
    return { type: 'output', port, maxLen: port === OFPP.controller ? g.r.below(65536) : 0 };
  },
  output_reg: (g) => ({ type: 'output_reg', src: g.bits(g.readable, 32), maxLen: 0xffff }),
  output_trunc: (g) => ({ type: 'output_trunc', port: g.r.between(1, 100), maxLen: g.r.between(14, 70000) }),
  controller: (g) => ({
    type: 'controller',
    maxLen: g.r.chance(0.5) ? 0xffff : g.r.below(65536),
    reason: g.r.below(6),
    controllerId: g.r.between(1, 65535),
    userdata: g.r.bytes(g.r.below(20)),
    pause: g.r.chance(0.3),
    meterId: g.r.chance(0.3) ? g.r.between(1, 1000) : NO_METER,
  }),
  enqueue: (g) => ({ type: 'enqueue', port: g.r.between(1, 100), queue: g.r.below(1000) }),
  group: (g) => ({ type: 'group', id: g.r.below(1000) }),
  set_field: (g) => [g.set, g.load, g.mod][g.r.below(3)].call(g),
  move: (g) => ({ type: 'move', ...g.move() }),
  stack_push: (g) => ({ type: 'stack_push', field: g.bits(g.readable, 128) }),
  stack_pop: (g) => ({ type: 'stack_pop', field: g.bits(g.writable, 128) }),
  push_vlan: (g) => ({ type: 'push_vlan', ethType: g.r.pick([0x8100, 0x88a8]) }),
  strip_vlan: () => ({ type: 'strip_vlan', form: 'pop_vlan' }),
  push_mpls: (g) => ({ type: 'push_mpls', ethType: g.r.pick([0x8847, 0x8848]) }),
  pop_mpls: (g) => ({ type: 'pop_mpls', ethType: g.r.pick([0x0800, 0x86dd, 0x8847]) }),
  set_mpls_label: (g) => ({ type: 'set_mpls_label', value: g.r.below(1 << 20) }),
  set_mpls_tc: (g) => ({ type: 'set_mpls_tc', value: g.r.below(8) }),
  set_mpls_ttl: (g) => ({ type: 'set_mpls_ttl', value: g.r.below(256) }),
  dec_mpls_ttl: () => ({ type: 'dec_mpls_ttl' }),
  dec_ttl: (g) => ({ type: 'dec_ttl', controllerIds: Array.from({ length: g.r.below(4) }, () => g.r.below(65536)) }),
  set_tunnel: (g) => {
    const wide = g.r.chance(0.5);
    return { type: 'set_tunnel', id: randomBig(g.r, wide ? 64 : 32), form: wide ? 'set_tunnel64' : 'set_tunnel' };
  },
  set_queue: (g) => ({ type: 'set_queue', queue: g.r.u32() }),
  pop_queue: () => ({ type: 'pop_queue' }),
  fin_timeout: (g) => ({ type: 'fin_timeout', idle: g.r.below(100), hard: g.r.below(100) }),
  resubmit: (g) => ({
    type: 'resubmit',
    port: g.r.chance(0.4) ? g.r.between(1, 100) : OFPP.inPort,
    table: g.table(),
    ct: false,
  }),
  learn: (g) => ({
    type: 'learn',
    spec: {
      idleTimeout: g.r.below(100),
      hardTimeout: g.r.below(100),
      priority: g.r.pick([32768, 1, 65535]),
      cookie: randomBig(g.r, 64),
      table: g.table(),
      finIdleTimeout: g.r.below(3),
      finHardTimeout: g.r.below(3),
      sendFlowRem: g.r.chance(0.3),
      deleteLearned: g.r.chance(0.3),
      limit: g.r.chance(0.3) ? g.r.below(100) : 0,
      ...(g.r.chance(0.3) ? { resultDst: { field: field('reg3'), ofs: g.r.below(32), bits: 1 } } : {}),
      items: Array.from({ length: g.r.below(5) }, () => g.learnItem()),
    },
  }),
  multipath: (g) => ({
    type: 'multipath',
    fields: g.r.pick(HASHES),
    basis: g.r.below(65536),
    algorithm: g.r.pick(['modulo_n', 'hash_threshold', 'hrw', 'iter_hash']),
    nLinks: g.r.between(1, 65536),
    arg: g.r.below(1000),
    dst: g.bits([field('reg1'), field('reg2')], 32, 16),
  }),
  bundle: (g) => ({
    type: 'bundle',
    fields: g.r.pick(HASHES),
    basis: g.r.below(65536),
    algorithm: g.r.pick(['active_backup', 'hrw']),
    ports: Array.from({ length: g.r.between(1, 6) }, () => g.r.between(1, 100)),
    ...(g.r.chance(0.5) ? { dst: g.bits([field('reg1')], 32, 16) } : {}),
  }),
  note: (g) => ({ type: 'note', data: g.r.bytes(g.r.pick([6, 14, 22])) }),
  exit: () => ({ type: 'exit' }),
  sample: (g) => ({
    type: 'sample',
    probability: g.r.between(1, 65535),
    collectorSet: g.r.u32(),
    obsDomain: g.r.u32(),
    obsPoint: g.r.u32(),
    samplingPort: g.r.chance(0.5) ? OFPP.none : g.r.between(1, 100),
    direction: g.r.pick(['default', 'ingress', 'egress'] as const),
  }),
  clone: (g) => ({ type: 'clone', actions: g.nested() }),
  check_pkt_larger: (g) => ({ type: 'check_pkt_larger', length: g.r.below(65536), dst: g.bits([field('reg4')], 1) }),
  delete_field: (g) => ({ type: 'delete_field', field: whole(field(`tun_metadata${g.r.below(64)}`)) }),
  meter: (g) => ({ type: 'meter', id: g.r.between(1, 1000) }),
  clear_actions: () => ({ type: 'clear_actions' }),
  write_actions(g) {
    const types = g.options.types ?? DEFAULT_TYPES;
    return { type: 'write_actions', actions: g.nested(SET_TYPES.filter((t) => types.includes(t))) };
  },
  write_metadata(g) {
    const mask = g.r.chance(0.5) ? lowBits(64) : randomBig(g.r, 64);
    return { type: 'write_metadata', value: randomBig(g.r, 64) & mask, mask };
  },
  goto_table: (g) => ({ type: 'goto_table', table: g.table() }),
};

/** They need a match that says so, or stand in the order of instructions. */
const BY_REQUEST: readonly string[] = [
  'strip_vlan',
  'pop_mpls',
  'push_mpls',
  'set_mpls_label',
  'set_mpls_tc',
  'set_mpls_ttl',
  'dec_mpls_ttl',
  'dec_ttl',
  'fin_timeout',
  'meter',
  ...INSTRUCTIONS,
];

const isType = (t: string): t is Action['type'] => t in MAKERS;
/** Types that suit any packet. */
export const DEFAULT_TYPES: readonly Action['type'][] = Object.keys(MAKERS)
  .filter(isType)
  .filter((t) => !BY_REQUEST.includes(t));

function list(g: Generator): Action[] {
  const types = g.options.types ?? DEFAULT_TYPES;
  const out: Action[] = [];
  if (types.length === 0) return out;
  for (let n = g.r.below((g.options.length ?? 6) + 1); n > 0; n--) {
    const type = g.r.pick(types);
    if (type === 'push_vlan' && g.tagged.done) continue;
    if (type === 'push_vlan') g.tagged.done = true;
    const a = MAKERS[type]?.(g);
    if (a) out.push(a);
  }
  if (g.options.instructions === false) return out;
  for (const type of INSTRUCTIONS) {
    const a = g.r.chance(0.15) ? MAKERS[type]?.(g) : undefined;
    if (a) out.push(a);
  }
  return out;
}

/** A list of actions, most of them different from each other. */
export function randomOfActions(r: Random, options: RandomActionsOptions = {}): Action[] {
  return list(new Generator(r, options));
}
