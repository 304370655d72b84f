/**
 * What is known, from its match, about the packets of a flow while its actions are checked one after another. Actions that push or
 * pop headers change it. OpenFlow 1.0 allows actions that do not suit the packet; later versions refuse them.
 */
import { type FieldRow, OFPP } from '../flow/field.js';
import { getU, setU, unwildcard } from '../flow/key.js';
import type { Match } from '../flow/match.js';
import { matchHasPrereqs } from '../flow/prereqs.js';
import { PROTOCOLS_OF, type Usable } from '../flow/protocols.js';
import { UserError } from '../lib/errors.js';
import { K, type Slot, VLAN_CFI } from '../packet/key.js';
import type { Action } from './action.js';

export interface CheckOptions {
  /** OpenFlow wire version of who adds the flow; 1 is lenient about inconsistent actions. */
  readonly version: number;
  /** Table of the flow; undefined outside of tables (packet-out). */
  readonly table?: number | undefined;
  /** Tables there are. */
  readonly nTables?: number;
  /** Group exists? Unset: not asked. */
  readonly groupExists?: (id: number) => boolean;
  /** Meter exists? Unset: not asked. */
  readonly meterExists?: (id: number) => boolean;
  /** May a flow send packets through a connection tracker? Unset: not asked. */
  readonly takesCt?: () => boolean;
  /** For text, before a version is chosen: inconsistent actions leave only the forms of OpenFlow 1.0, and `version` is not asked. */
  readonly usable?: Usable;
}

/** Tags a packet can have: more are not kept in the key. */
const MAX_TAGS = 2;

export class CheckState {
  private match: Match;
  /** Others' match is not written: the first change makes a copy, and most lists change nothing. */
  private own = false;
  private inner: number;

  constructor(
    match: Match,
    readonly options: CheckOptions,
    /** Checks a nested list against this state; what it changes is forgotten after it. */
    private readonly list: (actions: readonly Action[], state: CheckState) => readonly Action[],
    /** In an action set consistency is not known before it runs: nothing is refused for it. */
    private readonly lenient = false,
  ) {
    this.match = match;
    this.inner = getU(match.value, K.vlan2Tci);
  }

  private set(slot: Slot, value: number): void {
    if (!this.own) this.match = this.match.clone();
    this.own = true;
    setU(this.match.value, slot, value);
    unwildcard(this.match.mask, slot);
  }

  get ethType(): number {
    const packetType = getU(this.match.value, K.packetType);
    return packetType >>> 16 === 1 ? packetType & 0xffff : getU(this.match.value, K.ethType);
  }

  set ethType(v: number) {
    this.set(K.ethType, v);
  }

  get ipProto(): number {
    return getU(this.match.value, K.nwProto);
  }

  set ipProto(v: number) {
    this.set(K.nwProto, v);
  }

  get packetType(): number {
    return getU(this.match.value, K.packetType);
  }

  set packetType(v: number) {
    this.set(K.packetType, v);
  }

  get isLaterFragment(): boolean {
    return (getU(this.match.value, K.nwFrag) & 2) !== 0;
  }

  get ctState(): number {
    return getU(this.match.value, K.ctState);
  }

  isEthernet(): boolean {
    return this.packetType === 0;
  }

  isIp(): boolean {
    return this.ethType === 0x0800 || this.ethType === 0x86dd;
  }

  hasVlan(): boolean {
    return (getU(this.match.value, K.vlanTci) & VLAN_CFI) !== 0;
  }

  /** A set of vlan_tci, vlan_vid or vlan_pcp leaves this tag. */
  setTci(tci: number): void {
    this.set(K.vlanTci, tci);
  }

  pushVlan(): void {
    if (this.inner & VLAN_CFI && MAX_TAGS === 2) throw new UserError('too many VLAN tags', 'OFPBAC_BAD_TAG');
    this.inner = getU(this.match.value, K.vlanTci);
    this.set(K.vlanTci, VLAN_CFI);
  }

  popVlan(): void {
    this.set(K.vlanTci, this.inner);
    this.inner = 0;
  }

  /** Do all packets of the flow have the field? */
  has(row: FieldRow): boolean {
    return matchHasPrereqs(row.prereqs, this.match);
  }

  hasConntrack(): boolean {
    return matchHasPrereqs('ct', this.match);
  }

  /** An action that does nothing on packets of this match: refused except in OpenFlow 1.0. */
  inconsistent(what: string): void {
    if (this.lenient) return;
    if (this.options.usable) this.options.usable.protocols &= PROTOCOLS_OF.of10;
    else if (this.options.version > 1) throw new UserError(what, 'OFPBAC_MATCH_INCONSISTENT');
  }

  /** A nested list: its pushes and pops are not seen after it. */
  nested(actions: readonly Action[], lenient = false): readonly Action[] {
    const state = new CheckState(this.match, this.options, this.list, lenient || this.lenient);
    state.inner = this.inner;
    return this.list(actions, state);
  }
}

/** No port has this number or above, except the reserved ones. */
export const MAX_PORT = OFPP.max;
