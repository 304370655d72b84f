/**
 * The mod_ family: sets of one field that OpenFlow 1.0 and 1.1 have as actions of their own. Since 1.2 they go out as set_field,
 * where a match tells enough to say which field it is.
 */
import { formatIpv4Number, formatMac, parseIpv4Number, parseMac } from '../../lib/address.js';
import { getBig, putBig } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf, SetForm } from '../action.js';
import type { CheckState } from '../check-state.js';
import type { Translator, WireWriter } from '../context.js';
import { argument, type Code, nx, ofForm, putNumber, std, V10, V11UP } from '../emit.js';
import { encodeOfsBits, fieldNamed, putHeader, putSetField, whole } from '../fields.js';
import type { WireForm } from '../row.js';
import { parseU8, parseU16 } from '../text.js';

export type SetAction = ActionOf<'set_field'>;
export type ModForm = Exclude<SetForm, 'set_field' | 'load' | 'load2'>;

export interface Mod {
  readonly form: ModForm;
  readonly keywords: readonly string[];
  /** The field it writes; the ports of any transport stand under tcp's. */
  readonly field: string;
  readonly parse: (text: string) => bigint;
  readonly format: (value: bigint) => string;
  readonly encode: (a: SetAction, w: WireWriter) => void;
  readonly forms: readonly WireForm<SetAction>[];
  readonly check: (a: SetAction, state: CheckState) => SetAction | undefined;
  readonly translate: (a: SetAction, x: Translator) => void;
}

/** The action that a mod_ form stands for. */
export function modAction(form: ModForm, field: string, value: bigint): SetAction {
  const dst = whole(fieldNamed(field));
  // The tag bit is no business of a VLAN id: whether there is a tag is asked for apart.
  const mask = field === 'vlan_vid' ? 0xfffn : dst.field.valid;
  return { type: 'set_field', dst, value, mask, form };
}

/** Writes where the packet has the field. */
function writeWhole(a: SetAction, x: Translator): void {
  if (x.prerequisitesHold(a.dst)) x.write(a.dst, a.value, a.mask);
}

/** A reg_load of a whole field: how versions without an action for it say it. */
function regLoad(w: WireWriter, name: string, value: bigint): void {
  const dst = whole(fieldNamed(name));
  nx(w, 7, () => {
    w.u16(encodeOfsBits(dst));
    putHeader(w, dst.field, 0);
    w.u64(value);
  });
}

/** Standard numbers in 1.0 and from 1.1 on; 0 where there is none. */
function ofCodes(of10: number, of11: number): Code[] {
  const list: Code[] = [];
  if (of10) list.push({ space: 'of', number: of10, versions: V10 });
  if (of11) list.push({ space: 'of', number: of11, versions: V11UP });
  return list;
}

/** Forms of a body that is one number of 1, 2 or 4 bytes. */
function forms(
  list: readonly Code[],
  bytes: number,
  make: (v: bigint, version: number) => SetAction,
): WireForm<SetAction>[] {
  return list.map((c) =>
    ofForm(c.number, c.versions, 8, (r) => {
      const v = bytes === 1 ? r.u8() : bytes === 2 ? r.u16() : r.u32();
      return make(BigInt(v), r.version);
    }),
  );
}

function vlan(what: 'vid' | 'pcp', of10: number): Mod[] {
  const field = `vlan_${what}`;
  const max = what === 'vid' ? 0xfffn : 7n;
  const list = ofCodes(of10, of10);
  const bytes = what === 'vid' ? 2 : 1;
  const label = what === 'vid' ? 'VLAN VID' : 'VLAN PCP';
  const one = (form: ModForm, version10: boolean): Mod => ({
    form,
    keywords: [form],
    field,
    parse(text) {
      const v = BigInt(bytes === 2 ? parseU16(text, label) : parseU8(text, label));
      if (v > max) throw new UserError(`${text}: not a valid ${label}`);
      return v;
    },
    format: String,
    encode(a, w) {
      if (w.version > 1 && version10 && !a.flowHasVlan) std(w, 17, () => w.u16(0x8100));
      if (w.version <= 2) putNumber(w, list, bytes, a.value);
      else putSetField(w, fieldNamed(field), what === 'vid' ? a.value | 0x1000n : a.value);
    },
    forms: forms(list.slice(version10 ? 0 : 1, version10 ? 1 : 2), bytes, (v) => {
      argument(v <= max, `not a valid ${label}`);
      return modAction(form, field, v);
    }),
    check(a, state) {
      const flowHasVlan = state.hasVlan();
      if (!flowHasVlan && !version10) state.inconsistent(`${form} needs a match on a VLAN tag`);
      state.setTci(0x1000);
      return { ...a, flowHasVlan };
    },
    translate(a, x) {
      if (!x.hasVlan()) {
        if (!version10) return;
        x.pushVlan(0x8100);
      }
      x.write(a.dst, a.value, a.mask);
    },
  });
  return [one(`mod_vlan_${what}`, true), one(`set_vlan_${what}`, false)];
}

function mac(form: 'mod_dl_src' | 'mod_dl_dst', field: string, of10: number, of11: number): Mod {
  const list = ofCodes(of10, of11);
  return {
    form,
    keywords: [form],
    field,
    parse(text) {
      const b = parseMac(text);
      if (!b) throw new UserError(`invalid mac address ${text}`);
      return getBig(b, 0, 6);
    },
    format: (v) => formatMac(bytesOf(v, 6)),
    encode(a, w) {
      if (w.version > 2) putSetField(w, fieldNamed(field), a.value);
      else std(w, w.version === 1 ? of10 : of11, () => w.bytes(bytesOf(a.value, 6)));
    },
    forms: list.map((c) => ofForm(c.number, c.versions, 16, (r) => modAction(form, field, getBig(r.bytes(6), 0, 6)))),
    check: () => undefined,
    translate: writeWhole,
  };
}

function ipv4(form: 'mod_nw_src' | 'mod_nw_dst', field: string, of10: number): Mod {
  const list = ofCodes(of10, of10 - 1);
  return {
    form,
    keywords: [form],
    field,
    parse(text) {
      const v = parseIpv4Number(text);
      if (v < 0) throw new UserError(`${text}: could not convert to IP address`);
      return BigInt(v);
    },
    format: (v) => formatIpv4Number(Number(v)),
    encode(a, w) {
      if (w.version > 2) putSetField(w, fieldNamed(field), a.value);
      else putNumber(w, list, 4, a.value);
    },
    forms: forms(list, 4, (v) => modAction(form, field, v)),
    check(_a, state) {
      if (state.ethType !== 0x0800) state.inconsistent(`${form} needs a match on IPv4`);
      return undefined;
    },
    translate: writeWhole,
  };
}

/** Sets of bits of the IP header that both families have. */
function ip(
  spec: Pick<Mod, 'form' | 'keywords' | 'field' | 'parse' | 'encode'>,
  list: readonly Code[],
  valid: bigint,
): Mod {
  return {
    ...spec,
    format: String,
    forms: forms(list, 1, (v) => {
      argument((v & ~valid) === 0n, `not a value of ${spec.form}`);
      return modAction(spec.form, spec.field, v);
    }),
    check(_a, state) {
      if (!state.isIp()) state.inconsistent(`${spec.form} needs a match on IPv4 or IPv6`);
      return undefined;
    },
    translate: writeWhole,
  };
}

function byteOf(label: string, valid: number): (text: string) => bigint {
  return (text) => {
    const v = parseU8(text, label);
    if (v & ~valid) throw new UserError(`${text}: not a valid ${label}`);
    return BigInt(v);
  };
}

/** Protocol numbers that have ports, with the field of each. */
const TRANSPORTS: ReadonlyMap<number, string> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

function port(side: 'src' | 'dst', of10: number): Mod {
  const form: ModForm = `mod_tp_${side}`;
  const list = ofCodes(of10, of10);
  // ICMP type and code stand where ports do, and are set like them, as OVS does.
  const fields = [...TRANSPORTS.values()].map((p) => `${p}_${side}`);
  const icmp = side === 'src' ? ['icmp_type', 'icmpv6_type'] : ['icmp_code', 'icmpv6_code'];
  return {
    form,
    keywords: [form],
    field: `tcp_${side}`,
    parse: (text) => BigInt(parseU16(text, side === 'src' ? 'source port' : 'destination port')),
    format: String,
    encode(a, w) {
      const transport = TRANSPORTS.get(a.flowIpProto ?? 0);
      if (w.version > 2 && transport) putSetField(w, fieldNamed(`${transport}_${side}`), a.value);
      else putNumber(w, list, 2, a.value);
    },
    forms: forms(list, 2, (v) => modAction(form, `tcp_${side}`, v)),
    check(a, state) {
      if (!state.isIp() || state.isLaterFragment || !TRANSPORTS.has(state.ipProto)) {
        state.inconsistent(`${form} needs a match on TCP, UDP or SCTP`);
      }
      return { ...a, flowIpProto: state.ipProto };
    },
    translate(a, x) {
      for (const name of [...fields, ...icmp]) {
        const dst = whole(fieldNamed(name));
        if (!x.prerequisitesHold(dst)) continue;
        x.write(dst, a.value & dst.field.valid, dst.field.valid);
        return;
      }
    },
  };
}

function bytesOf(v: bigint, n: number): Uint8Array {
  const b = new Uint8Array(n);
  putBig(b, 0, n, v);
  return b;
}

const TOS = ofCodes(8, 7);
const ECN = ofCodes(0, 8);
const TTL = ofCodes(0, 23);

export const MODS: readonly Mod[] = [
  ...vlan('vid', 1),
  ...vlan('pcp', 2),
  mac('mod_dl_src', 'eth_src', 4, 3),
  mac('mod_dl_dst', 'eth_dst', 5, 4),
  ipv4('mod_nw_src', 'ip_src', 6),
  ipv4('mod_nw_dst', 'ip_dst', 7),
  ip(
    {
      form: 'mod_nw_tos',
      keywords: ['mod_nw_tos'],
      field: 'nw_tos',
      parse: byteOf('TOS', 0xfc),
      encode(a, w) {
        if (w.version > 2) putSetField(w, fieldNamed('ip_dscp'), a.value >> 2n);
        else putNumber(w, TOS, 1, a.value);
      },
    },
    TOS,
    0xfcn,
  ),
  ip(
    {
      form: 'mod_nw_ecn',
      keywords: ['mod_nw_ecn'],
      field: 'nw_ecn',
      parse: byteOf('ECN', 3),
      encode(a, w) {
        if (w.version > 2) putSetField(w, fieldNamed('nw_ecn'), a.value);
        else if (w.version === 2) putNumber(w, ECN, 1, a.value);
        else regLoad(w, 'nw_ecn', a.value);
      },
    },
    ECN,
    3n,
  ),
  ip(
    {
      form: 'mod_nw_ttl',
      keywords: ['mod_nw_ttl', 'set_nw_ttl'],
      field: 'nw_ttl',
      parse: byteOf('TTL', 0xff),
      encode(a, w) {
        if (w.version === 1) regLoad(w, 'nw_ttl', a.value);
        else putNumber(w, TTL, 1, a.value);
      },
    },
    TTL,
    0xffn,
  ),
  port('src', 9),
  port('dst', 10),
];

export const MOD_BY_FORM: ReadonlyMap<string, Mod> = new Map(MODS.map((m) => [m.form, m]));
export const MOD_BY_KEYWORD: ReadonlyMap<string, Mod> = new Map(MODS.flatMap((m) => m.keywords.map((k) => [k, m])));
