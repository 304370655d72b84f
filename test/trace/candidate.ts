/** weft with the bridge that the judge has; what it is told came by OpenFlow, as there. */
import { actionContext, flowModFromText } from '../../src/bridge/flow-text.js';
import { OFPP } from '../../src/flow/field.js';
import { decode, encode } from '../../src/openflow/message.js';
import { fromFlowMod, toFlowMod } from '../../src/openflow/messages/flow-mod.js';
import { toGroupMod } from '../../src/openflow/messages/group.js';
import { parseGroup } from '../../src/openflow/text/group-parse.js';
import type { Core } from '../../src/switch/core.js';
import { Switch } from '../../src/switch/switch.js';
import { PORTS } from '../ovs/frames.js';
import { METERS, type Modes } from '../ovs/judge.js';
import type { Pipeline } from '../pipelines/random-pipeline.js';

/** OpenFlow ports in the order in which packets leave by them. */
export interface Orders {
  readonly flood: readonly number[];
  readonly normal: readonly number[];
}

const OF15 = 6;
const VERSIONS = { OpenFlow10: 1, OpenFlow13: 4, OpenFlow15: OF15 } as const;
const noNames = (): undefined => undefined;

export class Candidate {
  private readonly sw = new Switch({ datapath: 'reference' });
  private readonly bridge = this.sw.bridge('br0');

  constructor(modes: Modes, orders: Orders, pipeline: Pipeline) {
    const br = this.bridge;
    for (let i = 1; i <= PORTS; i++) br.addPort(`p${i}`, { number: i, ...modes[i - 1]?.[1] });
    const { bridge } = br;
    const inOrder = (order: readonly number[]) =>
      [...bridge.ports()].sort((a, b) => order.indexOf(a.number) - order.indexOf(b.number));
    const [flood, normal] = [inOrder(orders.flood), inOrder(orders.normal)];
    bridge.floodPorts = () => flood;
    bridge.normalPorts = () => normal;
    for (const m of METERS) br.addMeter(m);
    for (const g of pipeline.groups ?? []) {
      const { mod } = parseGroup(g, 'add', actionContext(noNames));
      const m = decode(encode('group_mod', mod, { version: OF15, xid: 1 }));
      if (m.kind === 'group_mod') br.addGroup(toGroupMod(m.value));
    }
    const version = VERSIONS[pipeline.version];
    for (const f of pipeline.flows) {
      const mod = flowModFromText(f, 'add', noNames, bridge.tun);
      const name = version === 1 ? 'NXT_FLOW_MOD' : 'OFPT_FLOW_MOD';
      const m = decode(encode('flow_mod', fromFlowMod(mod, version, true), { version, xid: 1, name }));
      if (m.kind === 'flow_mod') br.addFlow(toFlowMod(m.value, version, true));
    }
  }

  get core(): Core {
    return this.sw.core;
  }

  receive(port: number, frame: Uint8Array): void {
    this.bridge.port(`p${port}`).send(frame);
    this.sw.run();
  }

  close(): void {
    this.sw.close();
  }
}

/** From the ports that traces end with, of a packet that came in by three of them in turn: every two ports are together in one. */
export function orderOf(texts: readonly string[]): number[] {
  const lists = texts.map((text) =>
    (/^Datapath actions: (.*)$/m.exec(text)?.[1] ?? '').split(',').map((n) => (n === '100' ? OFPP.local : Number(n))),
  );
  const before = (a: number, b: number): number => {
    const both = lists.find((l) => l.includes(a) && l.includes(b));
    return both ? both.indexOf(a) - both.indexOf(b) : 0;
  };
  return [...new Set(lists.flat())].sort(before);
}
