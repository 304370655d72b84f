/**
 * What a field is: one row (rows themselves are in src/flow/rows/). Parser, printer, OXM codec, masks and the docs table are derived
 * from rows; nothing else enumerates fields.
 */
import type { Slot } from '../packet/key.js';

export type FieldFormat =
  | 'decimal'
  | 'hexadecimal'
  | 'ethernet'
  | 'ipv4'
  | 'ipv6'
  | 'of_port'
  | 'frag'
  | 'tcp_flags'
  | 'tun_flags'
  | 'ct_state'
  | 'packet_type';

export type Maskable = 'no' | 'arbitrary' | 'cidr_or_arbitrary';

export interface FieldRow {
  /** Name of ovs-fields(7), e.g. "eth_src"; `aliases` are the others accepted on input ("dl_src"). */
  readonly name: string;
  readonly aliases: readonly string[];
  /** Width in bits, as matched (vlan_vid 12, ipv6_label 20). */
  readonly bits: number;
  /** Bytes of its OXM/NXM payload. */
  readonly bytes: number;
  readonly maskable: Maskable;
  readonly format: FieldFormat;
  /** May an action write it? */
  readonly writable: boolean;
  /** Place in the key: the slot, and how far the field's low bit stands above the slot's low bit (vlan_pcp: 13). */
  readonly slot: Slot;
  readonly shift: number;
  /** Bits of the OXM payload that may be ones, where that is not the low `bits`: nw_tos has the upper six, vlan_vid bit 12 too. */
  readonly valid: bigint;
  /** The low 32 of them, for the paths that work on numbers. */
  readonly validLow: number;
  /** The only values there are, where they are few. */
  readonly values?: readonly number[];
  /** Bits of the slot that a match on the field, or a write to it, also sets: VLAN fields say that there is a tag. 0 for most. */
  readonly implied: number;
  /** A match on the field fixes its whole slot, the other bits to zero: ICMP type and code in a port slot. */
  readonly wholeSlot: boolean;
  /** Reading and writing it is work on one 32-bit number, with nothing to be minded beside its bits. */
  readonly isNumber: boolean;
  /** N of tun_metadataN, whose place within the slot is the TLV map's to say. */
  readonly tunMetadata?: number;
  /** Conditions on other fields, ANDed; the prerequisite column of ovs-fields(7). */
  readonly prereqs: Prereq;
  /** NXM header class and number, e.g. [0, 1] for NXM_OF_ETH_DST; OXM [0x8000, 3]; with the names used in actions' text. */
  readonly nxm?: OxmId;
  readonly oxm?: OxmId;
  /** Every code point, oldest first: the two above, and the second OXM one of tcp_flags and actset_output. */
  readonly ids: readonly OxmId[];
  /**
   * Which fixed form of match first has the field, 10 (OpenFlow 1.0, and 1.1) or 11: whole, as a prefix, with any mask. Undefined: neither, only the
   * lists of fields of Nicira and of 1.2 and later.
   */
  readonly fixed?: readonly [exact: 10 | 11, prefix?: 10 | 11, bits?: 10 | 11];
  readonly doc: string;
}

export interface OxmId {
  readonly name: string;
  readonly class: number;
  readonly field: number;
  /** ONF or other experimenter id when class is 0xffff. */
  readonly experimenter?: number;
  /** OpenFlow wire version that first has it (4 is 1.3); 0 where any version takes it with the Nicira extensions. */
  readonly since: number;
}

export type Prereq =
  | 'none'
  | 'ethernet'
  | 'arp'
  | 'vlan'
  | 'ipv4'
  | 'ipv6'
  | 'ip'
  | 'nsh'
  | 'mpls'
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmpv4'
  | 'icmpv6'
  | 'nd'
  | 'nd_solicit'
  | 'nd_advert'
  | 'ct';

/** A field or bits of it, as in "NXM_NX_REG0[0..15]". */
export interface Subfield {
  readonly field: FieldRow;
  /** Lowest bit. */
  readonly ofs: number;
  readonly bits: number;
}

/** Port numbers of OpenFlow 1.1 and later; 1.0 has the low 16 bits. Inside weft always these 32-bit ones. */
export const OFPP = {
  max: 0xffffff00,
  unset: 0xfffffff7,
  inPort: 0xfffffff8,
  table: 0xfffffff9,
  normal: 0xfffffffa,
  flood: 0xfffffffb,
  all: 0xfffffffc,
  controller: 0xfffffffd,
  local: 0xfffffffe,
  none: 0xffffffff,
} as const;
