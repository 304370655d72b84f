/**
 * Does revalidation find every flow that a change touches? Flows are installed by frames, then something changes (rules, addresses, ports, groups), what
 * the change is known to touch is translated again, and then everything is: nothing may be found out of date.
 */

import { parseActions } from '../../src/action/list.js';
import { actionContext } from '../../src/bridge/flow-text.js';
import type { VlanSpec } from '../../src/bridge/vlan.js';
import { GROUP, NO_SELECTION } from '../../src/flowtable/groups.js';
import { UserError } from '../../src/lib/errors.js';
import { Random } from '../../src/lib/random.js';
import { wellFormedFrame } from '../../src/packet/random.js';
import { Switch, type SwitchBridge } from '../../src/switch/switch.js';
import { randomOwner } from '../pipelines/random-bridge.js';
import { randomPipeline } from '../pipelines/random-pipeline.js';

const PORTS = 4;
const FRAMES = 60;
const CHANGES = 25;
const OPTIONS = { tables: 4, ports: PORTS, hashes: true, cuts: true, stateful: true };

export interface Staleness {
  changes: number;
  /** Flows that changes made wrong and revalidation put right. */
  touched: number;
  faults: string[];
}

const MODES: readonly VlanSpec[] = [{}, { tag: 1 }, { trunks: [1, 2] }, { vlanMode: 'native-untagged', tag: 2 }];

function modGroup(br: SwitchBridge, r: Random): void {
  const bucket = (id: number, watchPort: number) => ({
    id,
    weight: 0,
    watchPort,
    watchGroup: GROUP.any,
    actions: parseActions(
      `output:${r.between(1, PORTS)}`,
      actionContext(() => undefined),
    ),
  });
  br.bridge.groups.mod({
    command: 'add_or_modify',
    id: 1,
    type: 'ff',
    selection: NO_SELECTION,
    commandBucket: 0xffffffff,
    buckets: [bucket(0, r.between(1, PORTS)), bucket(1, r.between(1, PORTS))],
  });
}

/** One change; the answer says what it was. */
function change(sw: Switch, br: SwitchBridge, r: Random, spare: string[], present: string[]): string {
  const { bridge } = br;
  const port = r.between(1, PORTS);
  switch (r.below(9)) {
    case 0:
    case 1:
    case 2: {
      const flow = spare.pop();
      if (!flow) return 'nothing';
      br.addFlow(flow);
      present.push(flow);
      return `add ${flow}`;
    }
    case 3:
    case 4: {
      const rules = br.rules();
      if (rules.length === 0) return 'nothing';
      const rule = r.pick(rules);
      bridge.tables.remove(rule, 'delete');
      return `remove from table ${rule.table}, priority ${rule.priority}`;
    }
    case 5:
      bridge.macs.learn(r.below(3), 0x020000000000 + r.below(4), port, sw.clock.now());
      return 'learn';
    case 6:
      if (r.chance(0.5)) bridge.macs.flush();
      else bridge.macs.remove(r.below(3), 0x020000000000 + r.below(4));
      return 'forget';
    case 7:
      r.pick([
        () => bridge.portMod(port, r.pick([0, 1, 4, 0x10, 0x20]), 0x35),
        () => bridge.setVlan(port, r.pick(MODES)),
        () => randomOwner(r, bridge, PORTS, 0.5),
      ])();
      return `port ${port}`;
    default:
      modGroup(br, r);
      return 'group';
  }
}

export function checkStaleness(pipelines: number, seed: number): Staleness {
  const out: Staleness = { changes: 0, touched: 0, faults: [] };
  for (let n = 0; n < pipelines && out.faults.length < 3; n++) {
    const r = new Random((Math.imul(seed, 1_000_003) + n) >>> 0);
    const sw = new Switch({ datapath: 'reference' });
    const br = sw.bridge('br0');
    for (let i = 1; i <= PORTS; i++) br.addPort(`p${i}`, { number: i, ...r.pick(MODES) });
    modGroup(br, r);
    const present = [...randomPipeline(r, OPTIONS).flows];
    for (const f of present) add(br, f);
    add(br, `table=0,priority=${r.below(60)},ip,actions=group:1,resubmit(,1)`);
    const spare = [...randomPipeline(r, OPTIONS).flows];
    const upcalls = sw.core.upcalls;
    for (let c = 0; c < CHANGES; c++) {
      for (let i = 0; i < FRAMES; i++) br.port(`p${r.between(1, PORTS)}`).send(wellFormedFrame(r));
      sw.run();
      upcalls.pushStatistics();
      while (upcalls.settle());
      const early = upcalls.check(upcalls.flows.all.length);
      if (early > 0)
        out.faults.push(`pipeline ${n}, before change ${c}: ${early} flows out of date\n${present.join('\n')}`);
      const before = upcalls.flows.counts.modified + upcalls.flows.counts.deleted;
      const what = change(sw, br, r, spare, present);
      while (upcalls.settle());
      out.changes++;
      out.touched += upcalls.flows.counts.modified + upcalls.flows.counts.deleted - before;
      const wrong = upcalls.check(upcalls.flows.all.length);
      if (wrong > 0)
        out.faults.push(`pipeline ${n}, change ${c}: ${wrong} flows out of date after: ${what}\n${present.join('\n')}`);
    }
    sw.close();
  }
  return out;
}

/** Pipelines of two versions mixed have flows that do not suit each other: those are left out. */
function add(br: SwitchBridge, flow: string): void {
  try {
    br.addFlow(flow);
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
  }
}
