/**
 * Are megaflow masks sound? A flow that was installed for packet A is used for every packet B that equals A under the mask. So: translate A,
 * make a B that differs from A only where the mask has no ones, translate B afresh; both must do the same.
 *
 * B is a real frame: bits of another random packet's key, or flipped ones, are put where A's mask allows, a frame is made of the key and extracted
 * again; when that is not equal to A under the mask any more (there is no such frame) it proves nothing and is left out.
 */

import type { VlanSpec } from '../../src/bridge/vlan.js';
import type { DpAction } from '../../src/datapath/action.js';
import { NO_OFFLOAD } from '../../src/datapath/datapath.js';
import { execute } from '../../src/datapath/reference/execute.js';
import { newPacket } from '../../src/datapath/reference/packet.js';
import { newKey } from '../../src/flow/key.js';
import { put32 } from '../../src/lib/bytes.js';
import { Random } from '../../src/lib/random.js';
import { extract } from '../../src/packet/extract.js';
import { frameFromKey } from '../../src/packet/from-key.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';
import { wellFormedFrame } from '../../src/packet/random.js';
import { Switch } from '../../src/switch/switch.js';
import { effective } from '../../src/upcall/same-effect.js';
import { randomOwner } from '../pipelines/random-bridge.js';
import { visibleGroups } from '../pipelines/random-groups.js';
import { randomPipeline } from '../pipelines/random-pipeline.js';
import { actionsText } from '../support/dp-text.js';

const PORTS = 4;
const PACKETS = 20;
const WITNESSES = 12;
/** VLAN modes of ports; the last needs keys with two tags. */
const MODES: readonly VlanSpec[] = [
  { tag: 1 },
  { trunks: [1, 2] },
  { vlanMode: 'native-untagged', tag: 2 },
  { vlanMode: 'native-tagged', tag: 1, trunks: [2] },
  { tag: 2, priorityTags: 'if-nonzero' },
  { vlanMode: 'dot1q-tunnel', tag: 1, cvlans: [0, 1, 2] },
];

export interface Soundness {
  pipelines: number;
  flows: number;
  witnesses: number;
  /** Packets that were forwarded by some action: a run in which all were dropped shows little. */
  forwarded: number;
  /** Rules that some packet met. */
  met: number;
  violations: string[];
}

/** The key of a frame that arrives at a datapath port; undefined when it is too short to be one. */
export function keyOf(frame: Uint8Array, vport: number, maxVlans: number): Uint8Array | undefined {
  const key = newKey();
  put32(key, K.inPort.offset, vport);
  return extract(frame, key, maxVlans) ? key : undefined;
}

/** A with bits of `other` where the mask has none. */
export function mix(a: Uint8Array, other: Uint8Array, mask: Uint8Array): Uint8Array {
  const b = a.slice();
  for (let i = 0; i < DP_KEY_BYTES; i++) b[i] = (a[i] & mask[i]) | (other[i] & ~mask[i]);
  b[K.lines.offset] = a[K.lines.offset] | other[K.lines.offset];
  return b;
}

export function flip(r: Random, a: Uint8Array, mask: Uint8Array): Uint8Array {
  const b = a.slice();
  for (let n = r.between(1, 6); n > 0; n--) {
    const at = r.chance(0.7) ? r.between(8, 44) : r.below(3 * 64);
    b[at] ^= (1 << r.below(8)) & ~mask[at];
  }
  return b;
}

export function equalUnder(a: Uint8Array, b: Uint8Array, mask: Uint8Array): boolean {
  for (let i = 0; i < DP_KEY_BYTES; i++) if ((a[i] ^ b[i]) & mask[i] && i !== K.lines.offset) return false;
  return true;
}

export function checkSoundness(pipelines: number, seed: number): Soundness {
  const out: Soundness = { pipelines: 0, flows: 0, witnesses: 0, forwarded: 0, met: 0, violations: [] };
  for (let n = 0; n < pipelines && out.violations.length < 5; n++) {
    const r = new Random((Math.imul(seed, 1_000_003) + n) >>> 0);
    checkPipeline(r, n, out);
    out.pipelines++;
  }
  return out;
}

function checkPipeline(r: Random, number: number, out: Soundness): void {
  const maxVlans = r.chance(0.6) ? 1 : 2;
  const sw = new Switch({ datapath: 'reference', maxVlans });
  const br = sw.bridge('br0');
  const vports = Array.from({ length: PORTS }, (_, i) => {
    const modes = r.chance(0.5) ? {} : r.pick(MODES.slice(0, maxVlans === 1 ? 5 : 6));
    br.addPort(`p${i + 1}`, modes);
    return br.bridge.port(i + 1)?.vport ?? 0;
  });
  if (r.chance(0.4)) randomOwner(r, br.bridge, PORTS, 0.7);
  const sizes = { tables: 4, ports: PORTS, groups: r.chance(0.4) ? 4 : 0 };
  const wide = r.chance(0.6);
  const { flows } = randomPipeline(r, { ...sizes, hashes: true, cuts: true, stateful: true, wide });
  const groups = visibleGroups(r, sizes);
  for (const g of groups) br.addGroup(g);
  for (const f of flows) br.addFlow(f);
  for (let mac = 0; mac < 3; mac++) br.bridge.macs.learn(r.below(3), 0x020000000000 + mac, r.between(1, PORTS), 0);
  br.bridge.fragmentHandling = r.pick([0, 0, 1, 3]);
  const { upcalls } = sw.core;
  const rules = new Set<unknown>();
  for (let p = 0; p < PACKETS; p++) {
    const inPort = r.between(1, PORTS);
    const vport = vports[inPort - 1];
    const a = keyOf(wellFormedFrame(r), vport, maxVlans);
    if (!a) continue;
    const input = (key: Uint8Array) => ({ bridge: br.bridge, inPort, key });
    const first = upcalls.explain(input(a));
    out.flows++;
    if (first.reason === 0) out.forwarded++;
    for (const rule of first.rules) rules.add(rule);
    const mask = first.mask.slice();
    const installed = [...first.actions];
    const wanted = actionsText(installed);
    // Revalidation translates the masked key, whether or not a frame has it; sets may cover other bits, for what else the walk looked at may differ.
    const bare = mix(a, newKey(), mask);
    const masked = upcalls.explain(input(bare));
    const again = actionsText(masked.actions);
    const seen = mask.map((b, i) => b | masked.mask[i]);
    // Of the masked key both: what it alone looked at it has as zeros, and writes so, which the packet need not have.
    const plain = (list: readonly DpAction[]) => actionsText(effective(list, bare, seen));
    if (again !== wanted && plain(masked.actions) !== plain(installed)) {
      out.violations.push(
        `pipeline ${number}: ${hexLine(a)} does ${wanted}, its masked key ${again}\n  ${flows.join('\n  ')}`,
      );
      return;
    }
    for (let w = 0; w < WITNESSES; w++) {
      const other = keyOf(wellFormedFrame(r), vport, maxVlans);
      if (!other) continue;
      const b = keyOf(frameFromKey(w % 3 === 0 ? flip(r, a, mask) : mix(a, other, mask)), vport, maxVlans);
      if (!b || !equalUnder(a, b, mask)) continue;
      out.witnesses++;
      const fresh = upcalls.explain(input(b)).actions;
      const got = actionsText(fresh);
      if (got === wanted || sameEffect(frameFromKey(b), installed, fresh, maxVlans)) continue;
      out.violations.push(
        [
          `pipeline ${number}: packets that are equal under the mask part ways`,
          `A ${hexLine(a)}`,
          `B ${hexLine(b)}`,
          `mask ${hexLine(mask)}`,
          `A does ${wanted}`,
          `B does ${got}`,
          ...groups,
          ...flows,
        ].join('\n  '),
      );
      return;
    }
  }
  out.met += rules.size;
  sw.close();
}

/**
 * Two sound masks of one packet may differ (a rule is ruled out by one field or by another), and a set covers the bits that its mask has: it
 * then writes bits that the packet already has. What counts is what leaves.
 */
export function sameEffect(
  frame: Uint8Array,
  one: readonly DpAction[],
  other: readonly DpAction[],
  maxVlans: number,
): boolean {
  return JSON.stringify(effects(frame, one, maxVlans)) === JSON.stringify(effects(frame, other, maxVlans));
}

/** Everything that becomes of a frame under a list: what leaves where, what goes up or round again, why it ends. */
function effects(frame: Uint8Array, actions: readonly DpAction[], maxVlans: number): unknown[] {
  const events: unknown[] = [];
  const bytes = (p: { frame: Uint8Array }) => Buffer.from(p.frame).toString('hex');
  execute(
    {
      output: (p, port) => {
        events.push(['output', port, bytes(p)]);
        return 0;
      },
      recirculate: (p, key, id) => {
        events.push(['recirculate', id, bytes(p), hexLine(key)]);
      },
      drop: (_, reason) => {
        events.push(['drop', reason]);
      },
      release: () => {},
      userspace: (p, _, cookie) => {
        events.push(['userspace', JSON.stringify(cookie), bytes(p)]);
        return 0;
      },
      meter: () => true,
      tally: () => {},
      encapsulated: (_, port) => {
        events.push(['encapsulated', port]);
        return 0;
      },
      arrive: (p, port) => {
        events.push(['arrive', port, bytes(p)]);
        return 0;
      },
      random: () => 0,
    },
    newPacket(frame, NO_OFFLOAD, 1),
    keyOf(frame, 1, maxVlans) ?? newKey(),
    actions,
    maxVlans,
  );
  return events;
}

export function hexLine(key: Uint8Array): string {
  return Buffer.from(key.subarray(0, 3 * 64))
    .toString('hex')
    .replace(/0+$/, '');
}
