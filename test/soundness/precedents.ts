/**
 * Is a packet that is decided by precedent decided as a walk would? Misses of random packets, and of others that differ from them in some bits, are given to the
 * slow path; whatever was decided without a walk is walked now: the same actions, mask, rules and tables. Rules and ports change in between.
 */
import type { DpAction } from '../../src/datapath/action.js';
import { NO_OFFLOAD } from '../../src/datapath/datapath.js';
import { KEY_BYTES, newKey } from '../../src/flow/key.js';
import { Random } from '../../src/lib/random.js';
import { frameFromKey } from '../../src/packet/from-key.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';
import { wellFormedFrame } from '../../src/packet/random.js';
import { Switch } from '../../src/switch/switch.js';
import type { Translation } from '../../src/upcall/translation.js';
import { PORT_CONFIG } from '../../src/upcall/view.js';
import { randomPipeline } from '../pipelines/random-pipeline.js';
import { actionsText } from '../support/dp-text.js';
import { flip, hexLine, keyOf, mix } from './check.js';

const PORTS = 3;
const PACKETS = 12;
const ALIKE = 40;

export interface Precedence {
  pipelines: number;
  misses: number;
  /** Decided without a walk. */
  repeated: number;
  /** Of these, such as are sent somewhere, and by more than one rule. */
  forwarded: number;
  deep: number;
  violations: string[];
}

export function checkPrecedents(pipelines: number, seed: number): Precedence {
  const out: Precedence = { pipelines: 0, misses: 0, repeated: 0, forwarded: 0, deep: 0, violations: [] };
  for (let n = 0; n < pipelines && out.violations.length < 5; n++) {
    const r = new Random((Math.imul(seed, 1_000_003) + n) >>> 0);
    checkPipeline(r, n, out);
    out.pipelines++;
  }
  return out;
}

/** A packet that differs in bits here and there, or has some bytes of another. */
function alike(r: Random, a: Uint8Array, vport: number, maxVlans: number): Uint8Array | undefined {
  const open = newKey();
  if (r.chance(0.5)) return keyOf(frameFromKey(flip(r, a, open)), vport, maxVlans);
  const other = keyOf(wellFormedFrame(r), vport, maxVlans);
  for (let i = 8; i < DP_KEY_BYTES; i++) open[i] = r.chance(0.9) ? 0xff : 0;
  return other && keyOf(frameFromKey(mix(a, other, open)), vport, maxVlans);
}

function checkPipeline(r: Random, number: number, out: Precedence): void {
  const maxVlans = r.chance(0.6) ? 1 : 2;
  const sw = new Switch({ datapath: 'reference', maxVlans });
  const br = sw.bridge('br0');
  const vports = Array.from({ length: PORTS }, (_, i) => {
    br.addPort(`p${i + 1}`, {});
    return br.bridge.port(i + 1)?.vport ?? 0;
  });
  const wide = r.chance(0.6);
  const { flows } = randomPipeline(r, {
    tables: r.between(1, 6),
    ports: PORTS,
    hashes: true,
    cuts: true,
    stateful: r.chance(0.2),
    wide,
  });
  for (const f of flows) br.addFlow(f);
  const { upcalls, dp } = sw.core;
  let decided: { readonly slot: number | undefined; readonly actions: readonly DpAction[] } | undefined;
  /** Was the flow of the last decision there before? Since a change that flows have not been told of it may have been derived otherwise. */
  let known = false;
  let unsettled = false;
  dp.resume = (_worker, _pending, slot, actions) => {
    decided = { slot, actions };
  };
  const miss = (key: Uint8Array, port: number): boolean => {
    const before = upcalls.counts.repeated;
    const { installed } = upcalls.flows.counts;
    const frame = new Uint8Array(60);
    const packet = { key: key.subarray(0, DP_KEY_BYTES), frame, frameLength: 60, offload: NO_OFFLOAD };
    upcalls.upcall({ type: 'miss', worker: 0, port, pending: 0, timeNs: 0, ...packet });
    out.misses++;
    known = upcalls.flows.counts.installed === installed;
    return upcalls.counts.repeated !== before;
  };
  /** In words: how a walk would have it otherwise. */
  const difference = (t: Translation): string | undefined => {
    const { slot, actions } = decided ?? { slot: undefined, actions: [] };
    if (actionsText(t.actions) !== actionsText(actions))
      return `${actionsText(actions)}, not ${actionsText(t.actions)}`;
    const flow = upcalls.flows.all.find((f) => f.slot === slot);
    if (!flow) return 'no flow';
    const { mask } = upcalls.flows.expand(flow);
    for (let i = 0; i < DP_KEY_BYTES; i++) {
      if (i !== K.lines.offset && mask[i] !== t.mask[i]) return `mask ${hexLine(mask)}, not ${hexLine(t.mask)}`;
    }
    if (known && unsettled) return undefined;
    const { path } = flow;
    const isSame = (a: readonly unknown[], b: readonly unknown[]) =>
      a.length === b.length && a.every((x, i) => x === b[i]);
    if (!isSame(path.rules, t.rules) || !isSame(path.generations, t.generations)) return 'other rules';
    if (!isSame(path.visited, t.visited) || !isSame([...path.tables], [...t.tables])) return 'other tables';
    if (
      !isSame(
        path.misses.map((m) => m.table),
        t.misses.map((m) => m.table),
      )
    )
      return 'other misses';
    const more = t.effects.length + t.deps.length + t.states.length + t.buckets.length + t.mirrors.length;
    return more > 0 ? 'something beside the flow' : undefined;
  };
  for (let p = 0; p < PACKETS; p++) {
    const inPort = r.between(1, PORTS);
    const vport = vports[inPort - 1];
    const a = keyOf(wellFormedFrame(r), vport, maxVlans);
    if (!a) continue;
    for (let n = 0; n < ALIKE; n++) {
      const key = n === 0 ? a : alike(r, a, vport, maxVlans);
      if (!key || !miss(key, vport)) continue;
      const whole = new Uint8Array(KEY_BYTES);
      whole.set(key.subarray(0, DP_KEY_BYTES));
      const t = upcalls.explain({ bridge: br.bridge, inPort, key: whole });
      out.repeated++;
      if (t.reason === 0) out.forwarded++;
      if (t.rules.length > 1) out.deep++;
      const wrong = difference(t);
      if (!wrong) continue;
      out.violations.push([`pipeline ${number}, by precedent: ${wrong}`, hexLine(key), ...flows].join('\n  '));
      sw.close();
      return;
    }
    // What changes must be seen: sometimes a rule, sometimes a port, with flows left as they are.
    const rule = r.chance(0.3);
    if (rule) br.addFlow(`table=${r.below(3)},priority=${r.below(400)},udp,actions=output:${r.between(1, PORTS)}`);
    const port = r.chance(0.2);
    if (port) br.bridge.portMod(r.between(1, PORTS), r.chance(0.5) ? PORT_CONFIG.noFwd : 0, PORT_CONFIG.noFwd);
    unsettled ||= rule || port;
    if (!r.chance(0.2)) continue;
    upcalls.settle();
    unsettled = false;
  }
  sw.close();
}
