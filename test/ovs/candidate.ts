/** weft with memory ports and a virtual clock. */
import { flowModFromText } from '../../src/bridge/flow-text.js';
import type { DpAction } from '../../src/datapath/action.js';
import { newKey } from '../../src/flow/key.js';
import { formatHex, put32 } from '../../src/lib/bytes.js';
import { extract } from '../../src/packet/extract.js';
import { K } from '../../src/packet/key.js';
import { Switch, type SwitchBridge } from '../../src/switch/switch.js';
import { DEEP_TAGS } from '../../src/upcall/rewrite.js';
import { PORT_CONFIG } from '../../src/upcall/view.js';
import type { Pipeline } from '../pipelines/random-pipeline.js';
import { type Arrival, type Change, PORTS } from './frames.js';
import { type Modes, rulesOf } from './judge.js';

const NO_TRACE = { bridge() {}, table() {}, open() {}, leave() {}, action() {}, note() {} };

function holdsRecirc(a: DpAction): boolean {
  if (a.type === 'check_pkt_len') return [...a.greater, ...a.lessEqual].some(holdsRecirc);
  return a.type === 'recirc' || ('actions' in a && a.actions.some(holdsRecirc));
}

export class Candidate {
  private readonly sw: Switch;
  readonly bridge: SwitchBridge;

  constructor(datapath: 'reference' | 'native', modes: Modes, pipeline: Pipeline) {
    this.sw = new Switch({ datapath });
    this.bridge = this.sw.bridge('br0');
    for (let i = 1; i <= PORTS; i++) this.bridge.addPort(`p${i}`, { number: i, ...modes[i - 1]?.[1] });
    for (const g of pipeline.groups ?? []) this.bridge.addGroup(g);
    for (const f of pipeline.flows) this.bridge.addFlow(f);
  }

  /**
   * Would the packet get a third tag? OVS forgets the innermost one then; weft does not. Does it come back for another pass? What a first packet does
   * there happens after the rest of its actions (the slow path is asked meanwhile), in OVS before them.
   */
  foresee(a: Arrival): { readonly beyondOvs: boolean; readonly comesBack: boolean } {
    const { bridge } = this.bridge;
    const key = newKey();
    put32(key, K.inPort.offset, bridge.port(a.port)?.vport ?? 0);
    extract(a.frame, key, 1);
    let deep = false;
    const tracer = {
      ...NO_TRACE,
      note: (text: string) => {
        if (text === DEEP_TAGS) deep = true;
      },
    };
    const { actions } = this.sw.core.upcalls.explain({ bridge, inPort: a.port, key, tracer });
    return { beyondOvs: deep, comesBack: actions.some(holdsRecirc) };
  }

  change(c: Change): void {
    const { bridge } = this.bridge;
    if (c.kind === 'port') bridge.portMod(c.port, c.up ? 0 : PORT_CONFIG.down, PORT_CONFIG.down);
    else bridge.flowMod(flowModFromText(c.flow, 'delete_strict', () => undefined));
    // What is cached follows at once.
    while (this.sw.core.upcalls.settle());
  }

  receive(a: Arrival): void {
    this.bridge.port(`p${a.port}`).send(a.frame);
    this.sw.run();
    // What cached flows learned counts at once, as it does where nothing is cached.
    this.sw.core.upcalls.pushStatistics();
  }

  sent(): string[][] {
    const out: string[][] = [];
    for (let i = 1; i <= PORTS; i++)
      out.push(
        this.bridge
          .port(`p${i}`)
          .received()
          .map((f) => formatHex(f)),
      );
    return out;
  }

  /** As Judge.counters. */
  counters(): string[] {
    const rules = rulesOf(this.bridge.dumpFlows());
    const groups = [...this.bridge.bridge.groups.all()].map((g) => {
      const counts = (c: { packets: number; bytes: number }) => `packet_count=${c.packets},byte_count=${c.bytes}`;
      return [`group_id=${g.id}`, counts(g), ...g.buckets.map((b, i) => `bucket${i}:${counts(b)}`)].join(',');
    });
    return [...rules, ...groups.sort()];
  }

  /** Packets of ports of which nobody knows how they ended: never any. */
  leaks(): string[] {
    return Array.from({ length: PORTS }, (_, i) => {
      const c = this.sw.core.dp.portCounters(this.bridge.bridge.port(i + 1)?.vport ?? 0);
      const ended = c.forwarded + c.held + c.drops.reduce((a, b) => a + b, 0);
      return ended === c.rx_packets ? '' : `p${i + 1}: ${c.rx_packets} received, ${ended} accounted for`;
    }).filter((l) => l !== '');
  }

  close(): void {
    this.sw.close();
  }
}
