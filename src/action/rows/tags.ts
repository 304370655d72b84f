/** Actions that push, pop and change tags and labels: VLAN and MPLS. */
import { PROTOCOLS_OF } from '../../flow/protocols.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf } from '../action.js';
import type { CheckState } from '../check-state.js';
import { argument, type Code, codes, numberForms, putNumber, V10, V11UP } from '../emit.js';
import { fieldNamed, putSetField, whole } from '../fields.js';
import type { ActionRow } from '../row.js';
import { hex, parseU8, parseU16, parseU32 } from '../text.js';

const STRIP: readonly Code[] = [
  { space: 'of', number: 3, versions: V10 },
  { space: 'of', number: 18, versions: V11UP },
];

export const stripVlan: ActionRow<ActionOf<'strip_vlan'>> = {
  type: 'strip_vlan',
  precedent: true,
  keywords: ['strip_vlan', 'pop_vlan'],
  syntax: ['strip_vlan', 'pop_vlan'],
  doc: 'Removes the outermost VLAN tag, if there is one.',
  set: 'slot',
  parse: (key) => ({ type: 'strip_vlan', form: key === 'pop_vlan' ? 'pop_vlan' : 'strip_vlan' }),
  format: (a) => a.form,
  encode: (_a, w) => putNumber(w, STRIP, 0),
  forms: [
    ...numberForms<ActionOf<'strip_vlan'>>([STRIP[0]], 0, () => ({ type: 'strip_vlan', form: 'strip_vlan' })),
    ...numberForms<ActionOf<'strip_vlan'>>([STRIP[1]], 0, () => ({ type: 'strip_vlan', form: 'pop_vlan' })),
  ],
  check(_a, state) {
    if (!state.hasVlan()) state.inconsistent('strip_vlan needs a match on a VLAN tag');
    state.popVlan();
    return undefined;
  },
  translate(_a, x) {
    x.popVlan();
    return undefined;
  },
};

const PUSH_VLAN: readonly Code[] = [{ space: 'of', number: 17, versions: V11UP }];
const isTpid = (t: number): boolean => t === 0x8100 || t === 0x88a8;

export const pushVlan: ActionRow<ActionOf<'push_vlan'>> = {
  type: 'push_vlan',
  precedent: true,
  protocols: PROTOCOLS_OF.from11,
  keywords: ['push_vlan'],
  syntax: ['push_vlan:ethertype'],
  doc: 'Pushes a VLAN tag of type 0x8100 or 0x88a8.',
  set: 'slot',
  parse(_key, arg) {
    const ethType = parseU16(arg, 'ethertype');
    if (!isTpid(ethType)) throw new UserError(`${arg}: not a valid VLAN ethertype`);
    return { type: 'push_vlan', ethType };
  },
  format: (a) => `push_vlan:${hex(a.ethType)}`,
  encode(a, w) {
    // In OpenFlow 1.0 the tag is pushed by the set_vlan_vid or set_vlan_pcp that follows.
    if (w.version > 1) putNumber(w, PUSH_VLAN, 2, a.ethType);
  },
  forms: numberForms<ActionOf<'push_vlan'>>(PUSH_VLAN, 2, (v) => {
    argument(isTpid(Number(v)), 'not a VLAN ethertype');
    return { type: 'push_vlan', ethType: Number(v) };
  }),
  check(_a, state) {
    state.pushVlan();
    return undefined;
  },
  translate(a, x) {
    x.pushVlan(a.ethType);
    return undefined;
  },
};

const isMpls = (t: number): boolean => t === 0x8847 || t === 0x8848;
/** "%04x" of C with its prefix. */
const hex4 = (v: number): string => `0x${v.toString(16).padStart(4, '0')}`;

const PUSH_MPLS = codes(23, 19);
export const pushMpls: ActionRow<ActionOf<'push_mpls'>> = {
  type: 'push_mpls',
  keywords: ['push_mpls'],
  syntax: ['push_mpls:ethertype'],
  doc: 'Pushes an MPLS label and makes the Ethernet type 0x8847 or 0x8848.',
  set: 'slot',
  parse: (_key, arg) => ({ type: 'push_mpls', ethType: parseU16(arg, 'push_mpls') }),
  format: (a) => `push_mpls:${hex4(a.ethType)}`,
  encode: (a, w) => putNumber(w, PUSH_MPLS, 2, a.ethType),
  forms: numberForms<ActionOf<'push_mpls'>>(PUSH_MPLS, 2, (v) => {
    argument(isMpls(Number(v)), 'not an MPLS ethertype');
    return { type: 'push_mpls', ethType: Number(v) };
  }),
  check(a, state) {
    if (!state.isEthernet()) state.inconsistent('push_mpls needs an Ethernet packet');
    state.ethType = a.ethType;
    // What the labels carry is opaque now: nothing is known of its protocol.
    state.ipProto = 0;
    return undefined;
  },
  translate(a, x) {
    x.pushMpls(a.ethType);
    return undefined;
  },
};

const POP_MPLS = codes(24, 20);
export const popMpls: ActionRow<ActionOf<'pop_mpls'>> = {
  type: 'pop_mpls',
  keywords: ['pop_mpls'],
  syntax: ['pop_mpls:ethertype'],
  doc: 'Removes the outermost MPLS label; the argument is the Ethernet type that follows.',
  set: 'slot',
  parse: (_key, arg) => ({ type: 'pop_mpls', ethType: parseU16(arg, 'pop_mpls') }),
  format: (a) => `pop_mpls:${hex4(a.ethType)}`,
  encode: (a, w) => putNumber(w, POP_MPLS, 2, a.ethType),
  forms: numberForms<ActionOf<'pop_mpls'>>(POP_MPLS, 2, (v) => ({ type: 'pop_mpls', ethType: Number(v) })),
  check(a, state) {
    if (!state.isEthernet()) state.inconsistent('pop_mpls needs an Ethernet packet');
    needMpls('pop_mpls', state);
    state.ethType = a.ethType;
    return undefined;
  },
  translate(a, x) {
    x.popMpls(a.ethType);
    return undefined;
  },
};

function needMpls(name: string, state: CheckState): undefined {
  if (!isMpls(state.ethType)) state.inconsistent(`${name} needs a match on an MPLS type`);
  return undefined;
}

interface MplsSet {
  readonly type: 'set_mpls_label' | 'set_mpls_tc' | 'set_mpls_ttl';
  /** The word in a refusal of a bad number, and of a missing one. */
  readonly word: string;
  readonly missing: string;
  readonly bits: number;
  /** Bytes of the argument on the wire. */
  readonly bytes: number;
  readonly codes: readonly Code[];
  readonly field: string;
  readonly doc: string;
}

function mplsSet(s: MplsSet): ActionRow<ActionOf<'set_mpls_label' | 'set_mpls_tc' | 'set_mpls_ttl'>> {
  return {
    type: s.type,
    keywords: [s.type],
    syntax: [`${s.type}:${s.missing}`],
    doc: s.doc,
    set: 'sequence',
    parse(_key, arg) {
      if (arg === '') throw new UserError(`${s.type}: expected ${s.missing}.`);
      const value = s.bytes === 4 ? parseU32(arg) : parseU8(arg, s.word);
      if (value >= 1 << s.bits) throw new UserError(`${arg}: not a valid ${s.word}`);
      return { type: s.type, value };
    },
    format: (a) => `${s.type}(${a.value})`,
    encode(a, w) {
      // The TTL kept an action of its own when set_field replaced the other two.
      if (w.version < 3 || s.type === 'set_mpls_ttl') putNumber(w, s.codes, s.bytes, a.value);
      // Older forms have room for more bits than the field.
      else putSetField(w, fieldNamed(s.field), BigInt(a.value % 2 ** s.bits));
    },
    forms: numberForms(s.codes, s.bytes, (v) => ({ type: s.type, value: Number(v) })),
    check: (_a, state) => needMpls(s.type, state),
    translate(a, x) {
      const dst = whole(fieldNamed(s.field));
      if (x.prerequisitesHold(dst)) x.write(dst, BigInt(a.value), (1n << BigInt(s.bits)) - 1n);
      return undefined;
    },
  };
}

export const setMplsLabel = mplsSet({
  type: 'set_mpls_label',
  word: 'MPLS label',
  missing: 'label',
  bits: 20,
  bytes: 4,
  codes: codes(30, 13),
  field: 'mpls_label',
  doc: 'Sets the label of the outermost MPLS header.',
});
export const setMplsTc = mplsSet({
  type: 'set_mpls_tc',
  word: 'MPLS TC',
  missing: 'tc',
  bits: 3,
  bytes: 1,
  codes: codes(31, 14),
  field: 'mpls_tc',
  doc: 'Sets the traffic class of the outermost MPLS header.',
});
export const setMplsTtl = mplsSet({
  type: 'set_mpls_ttl',
  word: 'MPLS TTL',
  missing: 'ttl',
  bits: 8,
  bytes: 1,
  codes: codes(25, 15),
  field: 'mpls_ttl',
  doc: 'Sets the TTL of the outermost MPLS header.',
});

const DEC_MPLS_TTL = codes(26, 16);
export const decMplsTtl: ActionRow<ActionOf<'dec_mpls_ttl'>> = {
  type: 'dec_mpls_ttl',
  keywords: ['dec_mpls_ttl'],
  syntax: ['dec_mpls_ttl'],
  doc: 'Decrements the TTL of the outermost MPLS header; where it runs out the list ends and the controller is told.',
  set: 'slot',
  parse: () => ({ type: 'dec_mpls_ttl' }),
  format: () => 'dec_mpls_ttl',
  encode: (_a, w) => putNumber(w, DEC_MPLS_TTL, 0),
  forms: numberForms<ActionOf<'dec_mpls_ttl'>>(DEC_MPLS_TTL, 0, () => ({ type: 'dec_mpls_ttl' })),
  check: (_a, state) => needMpls('dec_mpls_ttl', state),
  translate: (_a, x) => (x.decMplsTtl() ? undefined : false),
};
