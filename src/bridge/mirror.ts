/**
 * Mirrors: copies of selected frames to a port (SPAN) or into a VLAN (RSPAN), whatever the tables do with the frames.
 *
 * A frame may be selected when it comes in and each time it goes out, and is copied as it is at that moment; a copy goes to one destination once in a
 * bridge. What was done is a bitmap in the walk (`mirrored`), bit n for mirror n, so a bridge has at most 32 mirrors, as in OVS.
 */
import { get16, getUint } from '../lib/bytes.js';
import { K, VLAN_CFI } from '../packet/key.js';
import type { NormalWalk } from '../upcall/view.js';
import { isReserved, type NormalBridge, type NormalPort, send } from './normal.js';
import { admits, carries, inward, readTags, type Tags } from './vlan.js';

export const MAX_MIRRORS = 32;

export interface MirrorSpec {
  readonly name: string;
  /** Numbers of ports by which frames come in, or go out, to be copied. */
  readonly from: ReadonlySet<number> | 'all';
  readonly to: ReadonlySet<number> | 'all';
  /** Only of these VLANs; undefined: of all. */
  readonly vlans: ReadonlySet<number> | undefined;
  readonly output: { readonly kind: 'port'; readonly port: number } | { readonly kind: 'vlan'; readonly vlan: number };
  /** Bytes of a copy at most; 0: all. */
  readonly snaplen: number;
}

export class Mirror {
  packets = 0;
  bytes = 0;
  /** Bits of all mirrors with the same destination. */
  alike = 0;

  constructor(readonly spec: MirrorSpec) {}

  credit(packets: number, bytes: number): void {
    this.packets += packets;
    this.bytes += bytes;
  }

  selects(port: number, way: 'in' | 'out'): boolean {
    const ports = way === 'in' ? this.spec.from : this.spec.to;
    return ports === 'all' || ports.has(port);
  }
}

/** Equal for mirrors that do the same. */
function keyOf(spec: MirrorSpec): string {
  const list = (s: ReadonlySet<number> | 'all' | undefined) => (s instanceof Set ? [...s].sort((a, b) => a - b) : s);
  return JSON.stringify([spec.name, list(spec.from), list(spec.to), list(spec.vlans), spec.output, spec.snaplen]);
}

/** The mirrors of a bridge. */
export class Mirrors {
  all: readonly Mirror[] = [];

  /** Mirrors that are as before keep their counters. False: all are. */
  set(specs: readonly MirrorSpec[]): boolean {
    const some = specs.slice(0, MAX_MIRRORS);
    const before = new Map(this.all.map((m) => [keyOf(m.spec), m]));
    const all = some.map((spec) => before.get(keyOf(spec)) ?? new Mirror(spec));
    if (all.length === this.all.length && all.every((m, i) => m === this.all[i])) return false;
    this.all = all;
    const alike = new Map<string, number>();
    const output = (m: Mirror) => JSON.stringify(m.spec.output);
    all.forEach((m, i) => {
      alike.set(output(m), (alike.get(output(m)) ?? 0) | (1 << i));
    });
    for (const m of all) m.alike = alike.get(output(m)) ?? 0;
    return true;
  }

  /** Frames that come in by such a port are for nobody. */
  isOutput(port: number): boolean {
    return this.all.some(({ spec: { output: o } }) => o.kind === 'port' && o.port === port);
  }

  /** Copies the frame as it is now to the mirrors that select it by this port. */
  copy(b: NormalBridge, x: NormalWalk, port: NormalPort, way: 'in' | 'out'): void {
    if (!this.all.some((m, i) => !(x.mirrored & (1 << i)) && m.selects(port.number, way))) return;
    x.standsAlone();
    looksAtTags(b, x);
    const outside = readTags(x.flow);
    if (admits(port.vlan, outside.vid, port.name)) return;
    const tags = inward(port.vlan, outside);
    this.all.forEach((m, i) => {
      if (x.mirrored & (1 << i) || !m.selects(port.number, way)) return;
      if (m.spec.vlans && !m.spec.vlans.has(tags.vid)) return;
      x.mirrored |= m.alike;
      x.count(m);
      deliver(b, x, m.spec, tags);
    });
  }
}

function deliver(b: NormalBridge, x: NormalWalk, { output, snaplen }: MirrorSpec, tags: Tags): void {
  if (output.kind === 'port') {
    const to = b.normalPort(output.port);
    if (to) sendCopy(x, to, tags, snaplen);
    return;
  }
  x.mask.fill(0xff, K.ethDst.offset, K.ethDst.offset + 6);
  if (tags.vid === output.vlan || isReserved(getUint(x.flow, K.ethDst.offset, 6))) return;
  const there = { ...tags, vid: output.vlan };
  for (const to of b.normalPorts())
    if (!to.mirrorOutput && !to.isStandby && carries(to.vlan, there)) sendCopy(x, to, there, snaplen);
}

function sendCopy(x: NormalWalk, to: NormalPort, tags: Tags, snaplen: number): void {
  if (snaplen > 0 && to.patch) {
    x.note(() => '>> Mirror truncate to ODPP_NONE, skipping output');
    return;
  }
  x.cut = snaplen;
  send(x, to, tags);
  x.cut = 0;
}

/** Which ports carry the frame, and what is put back in a tag on its way out, depends on all of its tags but the priority. */
function looksAtTags(b: NormalBridge, x: NormalWalk): void {
  const { flow, mask } = x;
  mask[K.vlanTci.offset] |= 0x1f;
  mask[K.vlanTci.offset + 1] = 0xff;
  if (!(get16(flow, K.vlanTci.offset) & VLAN_CFI)) return;
  mask.fill(0xff, K.vlanTpid.offset, K.vlanTpid.offset + 2);
  if (b.maxVlans > 1) mask.fill(0xff, K.vlan2Tci.offset, K.vlan2Tpid.offset + 2);
}
