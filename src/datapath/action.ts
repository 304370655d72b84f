/**
 * Datapath actions: what a translated flow does to a packet. This is the language between the pipeline and both datapaths (the
 * reference one in TypeScript and the native one), and the language of `dpctl dump-flows` actions (src/datapath/text).
 *
 * A `set` has a kind and a masked value, laid out like the header it changes (SET_KINDS); a bit is written where the mask has a 1.
 * Binary form (for the native boundary): u32 words in host order. Each action is one header word `op | words << 16`, where `words` counts
 * all its words including the header, then its payload; nested lists are actions in the payload. Byte strings are padded to a word.
 */
export type DpAction =
  | { readonly type: 'output'; readonly port: number }
  | { readonly type: 'set'; readonly kind: SetKind; readonly value: Uint8Array; readonly mask: Uint8Array }
  | { readonly type: 'push_vlan'; readonly tpid: number /** bit 0x1000 set */; readonly tci: number }
  | { readonly type: 'pop_vlan' }
  | { readonly type: 'push_mpls'; readonly lse: number; readonly ethType: number }
  /** `whole`: what follows is a frame of its own, and goes without what stood in front of the label. */
  | { readonly type: 'pop_mpls' /** the type that follows */; readonly ethType: number; readonly whole?: boolean }
  /** A label of a packet that is not Ethernet: in front of a `whole` frame, else of what a packet that is none itself carries. */
  | { readonly type: 'add_mpls'; readonly lse: number; readonly ethType: number; readonly whole: boolean }
  /** Addresses of a packet that had no Ethernet header: destination 6, source 6. */
  | { readonly type: 'push_eth'; readonly addresses: Uint8Array }
  | { readonly type: 'pop_eth' }
  /** A whole NSH header, its length field included: 8 to 252 bytes. */
  | { readonly type: 'push_nsh'; readonly header: Uint8Array }
  | { readonly type: 'pop_nsh' }
  /**
   * Puts a tunnel's header around the packet; see src/datapath/reference/tunnel.ts. `header`: all of it from the outer Ethernet header on, with what
   * every packet has; lengths, checksums, IP identification, UDP source port and GRE sequence number are filled in. A UDP checksum is made where the
   * header's is not 0. `bare`: the packet goes without its Ethernet header. `port`: vport of the tunnel, which counts the packet as sent. `out` is for
   * people: the vport by which it will leave. `fit`: what its way takes; of packets that are longer with the header see src/datapath/reference/fit.ts.
   */
  | {
      readonly type: 'tnl_push';
      readonly port: number;
      readonly kind: TunnelKind;
      readonly bare: boolean;
      readonly header: Uint8Array;
      readonly out: number;
      readonly fit?: TunnelFit;
    }
  /** Takes a tunnel's header off; the packet then arrives anew at vport `port`, with what the header said in the tunnel slots of its key. */
  | { readonly type: 'tnl_pop'; readonly port: number; readonly tunnel: TunnelFormat }
  | { readonly type: 'recirc'; readonly id: number }
  /** dp_hash := hash of the packet's 5-tuple or L2 fields; see `dpHash` in src/packet/dp-hash.ts. */
  | { readonly type: 'hash'; readonly alg: 'l4' | 'sym_l4'; readonly basis: number }
  /** The next output sends at most this many bytes. */
  | { readonly type: 'trunc'; readonly maxLen: number }
  | { readonly type: 'clone'; readonly actions: readonly DpAction[] }
  /** probability: 0 to 2^32 - 1, where 2^32 - 1 is always. The actions run on a copy. */
  | { readonly type: 'sample'; readonly probability: number; readonly actions: readonly DpAction[] }
  | { readonly type: 'userspace'; readonly cookie: UserCookie }
  | {
      readonly type: 'check_pkt_len';
      readonly length: number;
      readonly greater: readonly DpAction[];
      readonly lessEqual: readonly DpAction[];
    }
  | { readonly type: 'meter'; readonly id: number }
  /** Ends the packet here. The number of a row of DROP_REASONS. */
  | { readonly type: 'drop'; readonly reason: number };

/** Tunnel types; the numbers are those of texts and of the binary form. */
export const TUNNEL_KINDS = { gre: 3, vxlan: 4, geneve: 5, ip6gre: 109 } as const;
export type TunnelKind = keyof typeof TUNNEL_KINDS;
export const isGre = (kind: TunnelKind): boolean => kind === 'gre' || kind === 'ip6gre';

/**
 * `mtu`: L3 bytes of the way, 1 to 65535. `cut`: the packet with the header may be cut into fragments. `answer`: the key with which the tunnel's other end
 * would answer, or that it would without one, where that is not the header's.
 */
export interface TunnelFit {
  readonly mtu: number;
  readonly cut: boolean;
  readonly answer?: number | 'none';
}

/** What a tunnel port takes off. */
export interface TunnelFormat {
  readonly kind: TunnelKind;
  /** VXLAN with the group policy extension. */
  readonly gbp: boolean;
  /** VXLAN with the generic protocol extension. */
  readonly gpe: boolean;
  /** Packets without an Ethernet header are taken too. */
  readonly bare: boolean;
  /** Geneve options that are wanted; others are passed over, unless they are critical. */
  readonly options: readonly TunnelOptionPlace[];
}

/** A tunnel option and its place in the key: bytes of K.tunMetadata, and bit `index` of K.tunMdPresent. */
export interface TunnelOptionPlace {
  readonly optionClass: number;
  readonly optionType: number;
  readonly length: number;
  readonly offset: number;
  readonly index: number;
}

/** A sample's probability that needs no drawing. */
export const SAMPLE_ALWAYS = 0xffffffff;

/** Why a packet is sent up by an action. Opaque to the datapath: it carries the bytes back with the upcall. */
export type UserCookie =
  | {
      readonly type: 'controller';
      /** Of the bridge's record of frozen packet-in state (rule cookie, table, metadata): see src/upcall/frozen.ts. */
      readonly stateId: number;
      readonly maxLen: number;
      /** OpenFlow packet-in reason, e.g. 0 no match, 1 action, 2 invalid TTL. */
      readonly reason: number;
      readonly controllerId: number;
      readonly dontSend: boolean;
      readonly continuation: boolean;
    }
  /** Run the whole slow path for each such packet; `reasons` is a bitmap printed as slow_path(...). */
  | { readonly type: 'slow_path'; readonly reasons: number }
  | { readonly type: 'sflow' | 'ipfix' | 'flow_sample'; readonly data: Uint8Array };

/** The layout of a set: byte length, and the words of its dpctl text. */
export const SET_KINDS = {
  /** dst 6, src 6 */
  eth: 12,
  /** src 4, dst 4, proto 1 (never set), tos 1, ttl 1, frag 1 (never set) */
  ipv4: 12,
  /** src 16, dst 16, label 4, proto 1 (never set), tclass 1, hlimit 1, frag 1 (never set) */
  ipv6: 40,
  /** src 2, dst 2 */
  tcp: 4,
  udp: 4,
  sctp: 4,
  /** type 1, code 1 */
  icmp: 2,
  icmpv6: 2,
  /** sip 4, tip 4, op 2, sha 6, tha 6 */
  arp: 22,
  /** target 16, sll 6, tll 6 */
  nd: 28,
  /** reserved 4, options type 1 */
  nd_ext: 5,
  /** outermost label stack entry 4 */
  mpls: 4,
  /** tci 2 of the outer tag (bit 0x1000 is ignored) */
  vlan: 2,
  /** flags 1, ttl 1, mdtype 1, np 1, path 4, context 16 */
  nsh: 24,
  skb_priority: 4,
  skb_mark: 4,
  /** line 3 of the key, then the tunnel bytes of line 2 (tun_erspan_idx to tun_gtpu_msgtype), then lines 5 to 8: whole replacement */
  tunnel: 64 + 9 + 256,
} as const;

export type SetKind = keyof typeof SET_KINDS;
/** Index in this list is the number in binary form. */
export const SET_KIND_NAMES = Object.keys(SET_KINDS) as SetKind[];

/** Op numbers of the binary form; written to native/generated/actions.h. */
export const OP = {
  output: 1,
  set: 2,
  push_vlan: 3,
  pop_vlan: 4,
  push_mpls: 5,
  pop_mpls: 6,
  recirc: 7,
  hash: 8,
  trunc: 9,
  clone: 10,
  sample: 11,
  userspace: 12,
  check_pkt_len: 13,
  meter: 14,
  drop: 15,
  push_eth: 16,
  pop_eth: 17,
  push_nsh: 18,
  pop_nsh: 19,
  tnl_push: 20,
  tnl_pop: 21,
  add_mpls: 22,
} as const satisfies Record<DpAction['type'], number>;
