/** weft with memory ports and a virtual clock. */
import { flowModFromText } from '../../src/bridge/flow-text.js';
import { formatHex } from '../../src/lib/bytes.js';
import { Switch, type SwitchBridge } from '../../src/switch/switch.js';
import { PORT_CONFIG } from '../../src/upcall/view.js';
import type { Pipeline } from '../pipelines/random-pipeline.js';
import { type Arrival, type Change, PORTS } from './frames.js';
import { METERS, type Modes, meterText, rulesOf } from './judge.js';

/** What a switch is apart from its pipeline. */
export interface World {
  readonly datapath: 'reference' | 'native';
  readonly modes: Modes;
  readonly vlanLimit: 1 | 2;
}

/** For one packet after the other; memory for more takes longer to make than they do. */
const ROOM = { maxFlows: 4096, buffers: 1024 };

export class Candidate {
  protected readonly sw: Switch;
  readonly bridge: SwitchBridge;

  constructor({ datapath, modes, vlanLimit }: World, pipeline: Pipeline) {
    this.sw = new Switch({ datapath, maxVlans: vlanLimit, ...ROOM });
    this.bridge = this.sw.bridge('br0');
    for (let i = 1; i <= PORTS; i++) this.bridge.addPort(`p${i}`, { number: i, ...modes[i - 1]?.[1] });
    for (const meter of METERS) this.bridge.addMeter(meter);
    for (const g of pipeline.groups ?? []) this.bridge.addGroup(g);
    for (const f of pipeline.flows) this.bridge.addFlow(f);
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
    const meters = [...this.bridge.bridge.meters.all()].map((m) => {
      const { packets, bytes, bands } = this.bridge.bridge.meterCounters(m);
      return meterText(m.id, [packets, bytes, bands[0].packets, bands[0].bytes]);
    });
    return [...rules, ...groups.sort(), ...meters];
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
