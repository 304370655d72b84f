/**
 * VLAN modes of a port, as vswitchd.conf.db(5) says: which frames may come in, in which VLAN they then are, which ports carry that VLAN, and how a
 * frame is tagged on its way out. Inside the bridge a frame is in exactly one VLAN (0 where no port has one) and may have a customer's tag below it.
 */
import { get16, put16 } from '../lib/bytes.js';
import { K, VLAN_CFI } from '../packet/key.js';

export type VlanMode = 'access' | 'trunk' | 'native-tagged' | 'native-untagged' | 'dot1q-tunnel';
export type PriorityTags = 'no' | 'if-nonzero' | 'always';

export interface VlanConfig {
  readonly mode: VlanMode;
  /** Of access, native and tunnel modes. */
  readonly tag: number;
  /** VLANs carried; undefined: all. Of native modes the native one is always carried. */
  readonly trunks: ReadonlySet<number> | undefined;
  /** dot1q-tunnel: customer VLANs carried; undefined: all. */
  readonly cvlans: ReadonlySet<number> | undefined;
  /** dot1q-tunnel: type of the outer tag. */
  readonly qinqEtherType: number;
  readonly priorityTags: PriorityTags;
}

/** What a Port row of the database says of VLANs. */
export interface VlanSpec {
  readonly vlanMode?: VlanMode;
  readonly tag?: number;
  readonly trunks?: readonly number[];
  readonly cvlans?: readonly number[];
  readonly qinqEtherType?: number;
  readonly priorityTags?: PriorityTags;
}

/** The words of Port's other_config:priority-tags. */
export function priorityTagsOf(text: string | undefined): PriorityTags {
  return text === 'always' ? 'always' : text === 'true' || text === 'if-nonzero' ? 'if-nonzero' : 'no';
}

const VID = 0xfff;
const PCP = 0xe000;

/** Fills in the defaults: with a tag and no mode an access port, without either a trunk of all VLANs. A bad tag counts as none. */
export function vlanConfig(spec: VlanSpec): VlanConfig {
  const tagOk = spec.tag !== undefined && spec.tag >= 0 && spec.tag <= 4095;
  const mode = spec.vlanMode ?? (tagOk ? 'access' : 'trunk');
  const carries = mode !== 'access' && mode !== 'dot1q-tunnel' && spec.trunks && spec.trunks.length > 0;
  const native = mode === 'native-tagged' || mode === 'native-untagged';
  const tag = mode === 'trunk' ? 0 : tagOk ? (spec.tag ?? 0) : 0;
  return {
    mode,
    tag,
    trunks: carries ? new Set(native ? [...(spec.trunks ?? []), tag] : spec.trunks) : undefined,
    cvlans: mode === 'dot1q-tunnel' && spec.cvlans && spec.cvlans.length > 0 ? new Set(spec.cvlans) : undefined,
    qinqEtherType: spec.qinqEtherType ?? 0x88a8,
    priorityTags: spec.priorityTags ?? 'no',
  };
}

/** Two tags, outermost first; a TCI without VLAN_CFI bit is VID and priority only, tpid 0 where there was none. */
export interface Tags {
  vid: number;
  pcp: number;
  tpid: number;
  vid2: number;
  pcp2: number;
  tpid2: number;
}

export function readTags(flow: Uint8Array): Tags {
  const tci = get16(flow, K.vlanTci.offset);
  const tci2 = get16(flow, K.vlan2Tci.offset);
  const here = (tci & VLAN_CFI) !== 0;
  const below = here && (tci2 & VLAN_CFI) !== 0;
  return {
    vid: here ? tci & VID : 0,
    pcp: here ? tci & PCP : 0,
    tpid: here ? get16(flow, K.vlanTpid.offset) : 0,
    vid2: below ? tci2 & VID : 0,
    pcp2: below ? tci2 & PCP : 0,
    tpid2: below ? get16(flow, K.vlan2Tpid.offset) : 0,
  };
}

/** Where there is a native VLAN, what has no VLAN is in it: VLAN 0 itself is then not carried. */
function trunks(c: VlanConfig, vid: number): boolean {
  if (vid === 0 && c.mode !== 'trunk' && c.tag !== 0) return false;
  return !c.trunks || c.trunks.has(vid);
}

/** May a frame with this outer VID (0: none) come in here? The reason when not. */
export function admits(c: VlanConfig, vid: number, name: string): string | undefined {
  switch (c.mode) {
    case 'access':
      return vid === 0
        ? undefined
        : `dropping VLAN ${vid} tagged packet received on port ${name} configured as VLAN ${c.tag} access port`;
    case 'native-tagged':
    case 'native-untagged':
    case 'trunk':
      if (vid === 0 && c.mode !== 'trunk') return undefined;
      return trunks(c, vid)
        ? undefined
        : `dropping VLAN ${vid} packet received on port ${name} not configured for trunking VLAN ${vid}`;
    case 'dot1q-tunnel':
      return !c.cvlans || c.cvlans.has(vid)
        ? undefined
        : `dropping VLAN ${vid} packet received on dot1q-tunnel port ${name} that excludes this VLAN`;
  }
}

/** From the tags of a frame to those it has inside the bridge. */
export function inward(c: VlanConfig, t: Tags): Tags {
  switch (c.mode) {
    case 'trunk':
      return t;
    case 'access':
      return { ...t, vid: c.tag };
    case 'native-tagged':
    case 'native-untagged':
      return t.vid === 0 ? { ...t, vid: c.tag } : t;
    case 'dot1q-tunnel':
      return { vid: c.tag, pcp: 0, tpid: c.qinqEtherType, vid2: t.vid, pcp2: t.pcp, tpid2: t.tpid };
  }
}

/** Does the port carry what is tagged so inside the bridge? */
export function carries(c: VlanConfig, t: Tags): boolean {
  switch (c.mode) {
    case 'access':
      return t.vid === c.tag && t.vid2 === 0;
    case 'trunk':
    case 'native-tagged':
    case 'native-untagged':
      return trunks(c, t.vid);
    case 'dot1q-tunnel':
      return t.vid === c.tag && (!c.cvlans || c.cvlans.has(t.vid2));
  }
}

const NONE: Tags = { vid: 0, pcp: 0, tpid: 0, vid2: 0, pcp2: 0, tpid2: 0 };

/** From the tags inside the bridge to those on the wire. */
export function outward(c: VlanConfig, t: Tags): Tags {
  switch (c.mode) {
    case 'trunk':
    case 'native-tagged':
      return t;
    case 'access':
      return NONE;
    case 'native-untagged':
      return t.vid === c.tag ? { ...NONE, vid: t.vid2, pcp: t.pcp2, tpid: t.tpid2 } : t;
    case 'dot1q-tunnel':
      return { ...NONE, vid: t.vid2, pcp: t.pcp2, tpid: t.tpid2 };
  }
}

function putTag(flow: Uint8Array, outer: boolean, tci: number, tpid: number): void {
  const tagged = tci !== 0;
  put16(flow, outer ? K.vlanTci.offset : K.vlan2Tci.offset, tagged ? tci | VLAN_CFI : 0);
  put16(flow, outer ? K.vlanTpid.offset : K.vlan2Tpid.offset, tagged ? tpid || 0x8100 : 0);
}

/**
 * Writes tags into a flow. VID 0 with priority 0 is no tag. VID 0 with a priority is one only where the port wants priority tags: `flowPcp` (in
 * its place in a TCI) is then the priority the frame came with.
 */
export function putTags(flow: Uint8Array, t: Tags, priorityTags: PriorityTags, flowPcp: number): void {
  const pcp = priorityTags === 'no' ? t.pcp : flowPcp;
  const tci = t.vid | pcp;
  if (tci === 0 && priorityTags === 'always') {
    put16(flow, K.vlanTci.offset, VLAN_CFI);
    put16(flow, K.vlanTpid.offset, 0x8100);
  } else {
    putTag(flow, true, tci, t.tpid);
  }
  putTag(flow, false, t.vid2 | t.pcp2, t.tpid2);
}
