/**
 * Random rules and keys of the kinds that real tables hold. Values come from small pools, so that rules overlap, keys hit, and what one rule
 * wants is near to what another wants: that is where masks go wrong.
 */
import type { Action } from '../../src/action/action.js';
import { KEY_BYTES, newKey, OK, setU } from '../../src/flow/key.js';
import { Match } from '../../src/flow/match.js';
import type { Random } from '../../src/lib/random.js';
import { K, type Slot } from '../../src/packet/key.js';

type Pool = (r: Random) => number[];

const bytesOf = (n: number, width: number): number[] =>
  Array.from({ length: width }, (_, i) => Math.floor(n / 256 ** (width - 1 - i)) % 256);
const oneOf =
  (width: number, ...values: number[]): Pool =>
  (r) =>
    bytesOf(r.pick(values), width);
const mac: Pool = (r) => [2, 0, 0, 0, r.below(2), r.below(6)];
const ipv4: Pool = (r) => (r.chance(0.1) ? [...r.bytes(4)] : [10, r.below(3), r.pick([0, 1, 128, 129]), r.below(8)]);
const ipv6: Pool = (r) => {
  if (r.chance(0.1)) return [...r.bytes(16)];
  const tail = r.chance(0.3) ? [...r.bytes(8)] : [0, 0, 0, 0, 0, 0, 0, r.below(8)];
  return [0x20, 1, 0xd, 0xb8, 0, r.below(2), r.pick([0, 128]), r.below(3), ...tail];
};
const port: Pool = (r) => bytesOf(r.chance(0.5) ? r.pick([22, 53, 80, 81, 443, 8080]) : r.below(65536), 2);
const small =
  (width: number, n: number): Pool =>
  (r) =>
    bytesOf(r.below(n), width);

/** Fields that keys vary in, each with its pool. */
const FIELDS: readonly (readonly [Slot, Pool])[] = [
  [OK.ofInPort, small(4, 5)],
  [K.inPort, small(4, 3)],
  [K.recircId, oneOf(4, 0, 0, 0, 7)],
  [K.ethDst, mac],
  [K.ethSrc, mac],
  [K.ethType, oneOf(2, 0x0800, 0x0800, 0x86dd, 0x0806)],
  [K.vlanTci, oneOf(2, 0, 0x1001, 0x1002, 0x3001)],
  [K.nwSrc, ipv4],
  [K.nwDst, ipv4],
  [K.nwProto, oneOf(1, 6, 6, 17, 1, 2)],
  [K.nwTos, oneOf(1, 0, 1, 0xb8)],
  [K.nwFrag, oneOf(1, 0, 0, 0, 1, 3)],
  [K.tpSrc, port],
  [K.tpDst, port],
  [K.tcpFlags, oneOf(2, 2, 16, 18, 1)],
  [K.pktMark, small(4, 3)],
  [K.ipv6Src, ipv6],
  [K.ipv6Dst, ipv6],
  [K.ndTarget, ipv6],
  [K.arpSha, mac],
  [K.vlan2Tci, oneOf(2, 0, 0x1001)],
  [K.tunId, small(8, 4)],
  [K.tunSrc, ipv4],
  [K.ctState, oneOf(4, 0, 0x21, 0x22, 0x25)],
  [K.ctLabel, ipv6],
  [OK.metadata, small(8, 4)],
  [{ ...OK.regs, bytes: 4 }, small(4, 4)],
  [{ ...OK.regs, offset: OK.regs.offset + 60, bytes: 4 }, small(4, 4)],
];
const POOL = new Map(FIELDS);

type Part = readonly [Slot, 'whole' | 'prefix' | 'some bits'];
const V4: Part = [K.ethType, 'whole'];
const PROTO: Part = [K.nwProto, 'whole'];

/** What one rule matches on. Prefix lengths and odd masks are drawn for each template of a table, so that rules share shapes. */
const TEMPLATES: readonly (readonly Part[])[] = [
  [],
  [[OK.ofInPort, 'whole']],
  [
    [K.vlanTci, 'some bits'],
    [K.ethDst, 'whole'],
  ],
  [[K.ethDst, 'some bits']],
  [V4, [K.nwDst, 'prefix']],
  [[K.nwDst, 'prefix']],
  [V4, [K.nwSrc, 'prefix'], [K.nwDst, 'prefix']],
  [V4, PROTO, [K.nwSrc, 'prefix'], [K.nwDst, 'prefix'], [K.tpDst, 'prefix']],
  [V4, PROTO, [K.tpDst, 'whole']],
  [V4, PROTO, [K.tpSrc, 'prefix'], [K.tpDst, 'prefix']],
  [V4, PROTO, [K.tcpFlags, 'some bits']],
  [V4, [K.ipv6Dst, 'prefix']],
  [V4, [K.ipv6Src, 'prefix'], [K.ipv6Dst, 'prefix'], PROTO, [K.tpDst, 'whole']],
  [[K.ipv6Src, 'some bits']],
  [V4, [K.nwDst, 'whole'], PROTO, [K.arpSha, 'whole']],
  [[OK.metadata, 'some bits']],
  [
    [OK.metadata, 'whole'],
    [{ ...OK.regs, bytes: 4 }, 'whole'],
    [K.nwDst, 'prefix'],
  ],
  [
    [OK.ofInPort, 'whole'],
    [K.tunId, 'whole'],
    [K.tunSrc, 'prefix'],
  ],
  [
    [K.ctState, 'some bits'],
    [K.recircId, 'whole'],
  ],
  [
    [OK.ofInPort, 'whole'],
    [K.ethSrc, 'whole'],
    [K.ethDst, 'whole'],
    V4,
    [K.vlanTci, 'whole'],
    [K.nwSrc, 'whole'],
    [K.nwDst, 'whole'],
    PROTO,
    [K.nwTos, 'whole'],
    [K.tpSrc, 'whole'],
    [K.tpDst, 'whole'],
  ],
  [[K.nwFrag, 'some bits']],
  [[K.nwSrc, 'some bits'], PROTO],
  [[K.ndTarget, 'prefix'], V4],
];

/** One table's worth of chance: which shapes it has, how its priorities lie, whether there are conjunctions. */
export class Workload {
  private readonly shapes: { parts: readonly Part[]; masks: number[][] }[] = [];
  private readonly priorities: number;
  private readonly conjunctions: boolean;

  constructor(private readonly r: Random) {
    const n = r.between(1, 24);
    for (let i = 0; i < n; i++) {
      const parts = r.pick(TEMPLATES);
      this.shapes.push({ parts, masks: parts.map((p) => this.mask(p)) });
    }
    this.priorities = r.pick([1, 2, 8, 1000]);
    this.conjunctions = r.chance(0.35);
  }

  /** A rule's match, priority and actions. */
  rule(): { match: Match; priority: number; actions: Action[] } {
    const { r } = this;
    const shape = r.pick(this.shapes);
    const match = new Match();
    shape.parts.forEach(([slot], i) => {
      const value = this.value(slot);
      for (let b = 0; b < slot.bytes; b++) {
        match.mask[slot.offset + b] = shape.masks[i][b];
        match.value[slot.offset + b] = value[b] & shape.masks[i][b];
      }
    });
    const actions: Action[] = [];
    if (this.conjunctions && r.chance(0.4)) {
      for (let i = r.between(1, 3); i > 0; i--) {
        const id = r.between(1, 4);
        const nClauses = id === 4 ? 3 : 2;
        actions.push({ type: 'conjunction', id, clause: r.below(nClauses), nClauses });
      }
    } else if (this.conjunctions && r.chance(0.3)) {
      setU(match.mask, OK.conjId, 0xffffffff);
      setU(match.value, OK.conjId, r.between(1, 4));
    }
    return { match, priority: r.below(this.priorities), actions };
  }

  /** A key from the pools, mostly pulled towards some of the matches. */
  key(near: readonly Match[]): Uint8Array {
    const { r } = this;
    const key = newKey();
    for (const [slot, pool] of FIELDS) key.set(pool(r), slot.offset);
    for (let n = near.length > 0 ? r.below(4) : 0; n > 0; n--) {
      const m = r.pick(near);
      for (let i = 0; i < KEY_BYTES; i++) key[i] = (key[i] & ~m.mask[i]) | m.value[i];
    }
    key.fill(0, OK.conjId.offset, OK.conjId.offset + 4);
    return key;
  }

  private value(slot: Slot): number[] {
    for (const [s, pool] of POOL) if (s.offset === slot.offset) return pool(this.r);
    throw new Error(`no pool for ${slot.name}`);
  }

  private mask([slot, how]: Part): number[] {
    const { r } = this;
    const width = slot.bytes * 8;
    if (how === 'whole') return new Array<number>(slot.bytes).fill(255);
    if (how === 'some bits') return Array.from(r.bytes(slot.bytes), (b) => (r.chance(0.5) ? b : 255));
    const common = width === 16 ? [1, 6, 15, 16, 16] : [8, 16, 24, 25, 32, width / 2 + 1, width];
    const length = r.chance(0.7) ? r.pick(common) : r.between(1, width);
    return Array.from({ length: slot.bytes }, (_, i) => (0xff00 >> Math.max(0, Math.min(8, length - 8 * i))) & 255);
  }
}
