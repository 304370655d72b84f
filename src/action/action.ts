/**
 * OpenFlow actions and instructions as the pipeline holds them: one list a rule, instructions included, in the order of
 * execution (meter, apply list inline, clear_actions, write_actions, write_metadata, goto_table). Text, wire forms and translation
 * of each are one row (src/action/rows/).
 *
 * `wire` members remember which of several equivalent wire forms an action came in as, so that it goes out the same way. They mean
 * nothing to translation.
 */
import type { Subfield } from '../flow/field.js';

export type Action =
  | { readonly type: 'output'; readonly port: number; readonly maxLen: number }
  | { readonly type: 'output_reg'; readonly src: Subfield; readonly maxLen: number; readonly wire?: 'output_reg2' }
  | { readonly type: 'output_trunc'; readonly port: number; readonly maxLen: number }
  | {
      readonly type: 'controller';
      readonly maxLen: number;
      readonly reason: number;
      readonly controllerId: number;
      readonly userdata: Uint8Array;
      readonly pause: boolean;
      /** NO_METER for none. */
      readonly meterId: number;
      readonly wire?: 'controller2';
    }
  | { readonly type: 'enqueue'; readonly port: number; readonly queue: number }
  | { readonly type: 'group'; readonly id: number }
  /**
   * Value and mask in the subfield's own bits, right-justified. Of a set_field without a mask the mask is all ones of the field's payload, also above
   * the bits it has. `form` remembers how it was written, for text and wire.
   */
  | {
      readonly type: 'set_field';
      readonly dst: Subfield;
      readonly value: bigint;
      readonly mask: bigint;
      readonly form: SetForm;
      /** Notes of checkActions about the packets of its flow, which some wire forms need: a VLAN tag is there; the IP protocol. */
      readonly flowHasVlan?: boolean;
      readonly flowIpProto?: number;
    }
  | { readonly type: 'move'; readonly src: Subfield; readonly dst: Subfield; readonly wire?: 'copy_field' }
  | { readonly type: 'stack_push' | 'stack_pop'; readonly field: Subfield }
  | { readonly type: 'strip_vlan' /** written pop_vlan */; readonly form: 'strip_vlan' | 'pop_vlan' }
  | { readonly type: 'push_vlan'; readonly ethType: number }
  | { readonly type: 'push_mpls' | 'pop_mpls'; readonly ethType: number }
  | { readonly type: 'set_mpls_label' | 'set_mpls_tc' | 'set_mpls_ttl'; readonly value: number }
  | { readonly type: 'dec_mpls_ttl' }
  /** No ids: written without a list, which means controller 0. */
  | { readonly type: 'dec_ttl'; readonly controllerIds: readonly number[] }
  | { readonly type: 'set_tunnel'; readonly id: bigint; readonly form: 'set_tunnel' | 'set_tunnel64' }
  | { readonly type: 'set_queue'; readonly queue: number }
  | { readonly type: 'pop_queue' }
  | { readonly type: 'fin_timeout'; readonly idle: number; readonly hard: number }
  | {
      readonly type: 'resubmit';
      readonly port: number /** 255 is the current table */;
      readonly table: number;
      readonly ct: boolean;
      readonly wire?: 'resubmit';
    }
  | { readonly type: 'learn'; readonly spec: LearnSpec; readonly wire?: 'learn2' }
  /** `clause` counts from 0, as on the wire; text counts from 1. */
  | { readonly type: 'conjunction'; readonly id: number; readonly clause: number; readonly nClauses: number }
  | {
      readonly type: 'multipath';
      readonly fields: string;
      readonly basis: number;
      readonly algorithm: string;
      readonly nLinks: number;
      readonly arg: number;
      readonly dst: Subfield;
    }
  | {
      readonly type: 'bundle';
      readonly fields: string;
      readonly basis: number;
      readonly algorithm: string;
      readonly ports: readonly number[];
      readonly dst?: Subfield;
    }
  | { readonly type: 'note'; readonly data: Uint8Array }
  | { readonly type: 'exit' }
  | {
      readonly type: 'sample';
      readonly probability: number;
      readonly collectorSet: number;
      readonly obsDomain: number;
      readonly obsPoint: number;
      readonly samplingPort: number;
      readonly direction: 'default' | 'ingress' | 'egress';
      readonly wire?: 'sample2' | 'sample3';
    }
  | { readonly type: 'clone'; readonly actions: readonly Action[] }
  | { readonly type: 'check_pkt_larger'; readonly length: number; readonly dst: Subfield }
  | { readonly type: 'delete_field'; readonly field: Subfield }
  | {
      readonly type: 'encap';
      readonly packetType: number;
      readonly hdrSize: number;
      readonly props: readonly { readonly class: number; readonly type: number; readonly data: Uint8Array }[];
    }
  | { readonly type: 'decap'; readonly packetType?: number }
  | { readonly type: 'dec_nsh_ttl' }
  /** `actions`: an optional `nat` first, then sets of ct_mark and ct_label. `table` is undefined where the packet does not come back. */
  | {
      readonly type: 'ct';
      readonly commit: boolean;
      readonly force: boolean;
      readonly zone: number | Subfield;
      readonly table?: number;
      /** Well-known port of the helper: 21 FTP, 69 TFTP, 0 none. */
      readonly alg: number;
      readonly actions: readonly Action[];
    }
  /** Only inside ct. Addresses are 4 or 16 bytes; no `min` means no range. */
  | {
      readonly type: 'nat';
      readonly kind?: 'src' | 'dst';
      readonly persistent: boolean;
      readonly hash: boolean;
      readonly random: boolean;
      readonly min?: Uint8Array;
      readonly max?: Uint8Array;
      readonly portMin: number;
      readonly portMax: number;
    }
  | { readonly type: 'ct_clear' }
  /** Instructions. */
  | { readonly type: 'meter'; readonly id: number }
  | { readonly type: 'clear_actions' }
  | { readonly type: 'write_actions'; readonly actions: readonly Action[] }
  | { readonly type: 'write_metadata'; readonly value: bigint; readonly mask: bigint }
  | { readonly type: 'goto_table'; readonly table: number };

/** Of a controller action: no meter. */
export const NO_METER = 0;

/** The member of the union that has a type, perhaps beside others ("push_mpls" and "pop_mpls" share one). */
export type ActionOf<T extends Action['type']> = Action extends infer M
  ? M extends { readonly type: infer U }
    ? T extends U
      ? M
      : never
    : never
  : never;

/**
 * How a set was written: OVS prints and encodes `load`, `set_field` and the mod_ family differently. `load2` prints as set_field.
 * The mod_vlan forms push a tag where there is none, as OpenFlow 1.0 does; the set_vlan forms, of 1.1, do nothing then.
 */
export type SetForm =
  | 'set_field'
  | 'load'
  | 'load2'
  | 'set_vlan_vid'
  | 'set_vlan_pcp'
  | 'mod_vlan_vid'
  | 'mod_vlan_pcp'
  | 'mod_dl_src'
  | 'mod_dl_dst'
  | 'mod_nw_src'
  | 'mod_nw_dst'
  | 'mod_nw_tos'
  | 'mod_nw_ecn'
  | 'mod_nw_ttl'
  | 'mod_tp_src'
  | 'mod_tp_dst';

export interface LearnSpec {
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly table: number;
  readonly finIdleTimeout: number;
  readonly finHardTimeout: number;
  readonly sendFlowRem: boolean;
  readonly deleteLearned: boolean;
  readonly limit: number;
  readonly resultDst?: Subfield;
  readonly items: readonly LearnItem[];
}

/** One part of a learned flow: match on, or load or output of, a constant or a field of the packet. */
export type LearnItem =
  | { readonly kind: 'match'; readonly dst: Subfield; readonly src: Subfield | bigint }
  | { readonly kind: 'load'; readonly dst: Subfield; readonly src: Subfield | bigint }
  | { readonly kind: 'output'; readonly src: Subfield };
