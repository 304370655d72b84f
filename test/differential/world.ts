/**
 * A world: a reference and a native datapath of the same configuration, given the same frames, commands and time, step by step. After each step
 * everything that came out is compared; after some, and at the end, all counters, and that each port's packets are accounted for.
 */
import type { Datapath, MeterSpec, Offload } from '../../src/datapath/datapath.js';
import { NO_OFFLOAD } from '../../src/datapath/datapath.js';
import { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { type PortConfig, plainPort } from '../../src/datapath/native.js';
import { randomActions, randomTunnelHeader } from '../../src/datapath/random-actions.js';
import { ReferenceDatapath } from '../../src/datapath/reference/datapath.js';
import { newPacket } from '../../src/datapath/reference/packet.js';
import { encapsulate } from '../../src/datapath/reference/tunnel.js';
import { put16 } from '../../src/lib/bytes.js';
import { Random } from '../../src/lib/random.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';
import { randomFrame, wellFormedFrame } from '../../src/packet/random.js';
import { METERS, PORTS } from './controller.js';
import { counterDifference, Engine, firstDifference } from './engine.js';

const MEMORY: PortConfig = { ...plainPort('memory'), mtu: 1500 };
const NULL_PORT = 6;
/** Memory of a world is given back when JavaScript collects garbage, which takes some worlds. */
const SMALL = { upcallRingBytes: 1 << 21, commandRingBytes: 1 << 20, buffers: 8192 };

export interface WorldResult {
  packets: number;
  flows: number;
  /** How received packets ended, by name of the reason. */
  ends: Map<string, number>;
  difference?: string;
  /** The flows there were when they differed. */
  table?: string;
}

/** Runs a world of about `packets` packets. */
export function runWorld(seed: number, packets: number): WorldResult {
  const r = new Random(seed);
  const config = { maxVlans: r.below(3), pendingDepth: r.pick([1, 4, 64]), seed: r.u32(), maxFlows: 512 };
  const microflow = r.chance(0.7);
  const world = new World(
    seed,
    r,
    new ReferenceDatapath(config),
    new NativeDriver({ ...config, ...SMALL, manual: true, microflow }),
  );
  try {
    return world.run(packets);
  } finally {
    world.close();
  }
}

class World {
  private readonly plain: Engine;
  private readonly native: Engine;
  private readonly frames: { frame: Uint8Array; offload: Offload }[];
  private nowMs = 1;
  private sent = 0;

  constructor(
    private readonly seed: number,
    private readonly r: Random,
    plain: Datapath,
    native: Datapath,
  ) {
    const ports = [0, ...PORTS, NULL_PORT];
    this.plain = new Engine(plain, seed, ports);
    this.native = new Engine(native, seed, ports);
    this.frames = Array.from({ length: r.pick([8, 50, 200]) }, () => this.randomPacket());
    this.both((dp) => {
      dp.setClock(this.nowMs);
      for (const p of PORTS) dp.portAdd(p, { ...MEMORY, mtu: p === 5 ? 100 : p === 4 ? 0 : 1500 });
      dp.portAdd(NULL_PORT, { ...MEMORY, kind: 'null', mtu: 600 });
    });
    for (const id of METERS) this.randomMeter(id);
  }

  run(packets: number): WorldResult {
    let difference: string | undefined;
    let steps = 0;
    while (this.sent < packets && !difference) {
      this.command();
      this.send();
      difference = this.settle(++steps % 8 === 0);
    }
    difference ??= this.end();
    const { installs } = this.plain.controller;
    return {
      packets: this.sent,
      flows: installs,
      ends: this.native.ends(),
      difference,
      table: difference && this.plain.controller.describe(),
    };
  }

  close(): void {
    this.both((dp) => dp.close());
  }

  private both(f: (dp: Datapath) => void): void {
    f(this.plain.dp);
    f(this.native.dp);
  }

  private settle(all: boolean): string | undefined {
    this.both((dp) => void dp.run());
    const found = firstDifference(this.plain, this.native) ?? (all ? this.checkCounters() : undefined);
    return found && `seed ${this.seed}, after ${this.sent} packets: ${found}`;
  }

  private checkCounters(): string | undefined {
    const leaks = [...this.plain.leaks(), ...this.native.leaks()];
    return leaks.length > 0 ? `not conserved: ${leaks.join('; ')}` : counterDifference(this.plain, this.native);
  }

  /** What still waits for a decision times out; then nothing is held. */
  private end(): string | undefined {
    this.nowMs += 10_000;
    this.both((dp) => dp.setClock(this.nowMs));
    const found = this.settle(true);
    if (found) return found;
    const held = this.plain.ports.filter((p) => this.native.dp.portCounters(p).held !== 0);
    return held.length > 0 ? `ports ${held.join()} hold packets at the end` : undefined;
  }

  private send(): void {
    for (let n = this.r.pick([1, 1, 5, 40, 100]); n > 0; n--) {
      const port = this.r.pick(PORTS);
      const { frame, offload } = this.r.chance(0.9) ? this.r.pick(this.frames) : this.freshPacket();
      this.both((dp) => {
        if (!dp.inject(port, frame, offload)) throw new Error(`port ${port} takes no more frames`);
      });
      this.sent++;
    }
  }

  /** Seldom a segment to be cut later: as long as IP allows, in a buffer of the larger kind. */
  private freshPacket(): { frame: Uint8Array; offload: Offload } {
    const packet = this.randomPacket();
    if (!this.r.chance(0.02)) return packet;
    const frame = new Uint8Array(this.r.pick([1857, 2048, 9014, 65_549]));
    frame.set(packet.frame.subarray(0, frame.length));
    if (this.r.chance(0.5) && frame.length > 38) frame.set([(frame.length - 14) >> 8, (frame.length - 14) & 0xff], 16);
    return { frame, offload: { ...packet.offload, gsoType: this.r.pick([0, 1, 4, 5]), gsoSize: 1448 } };
  }

  private randomPacket(): { frame: Uint8Array; offload: Offload } {
    const { r } = this;
    const inside = r.chance(0.5) ? randomFrame(r) : wellFormedFrame(r);
    const frame = r.chance(0.25) ? this.tunnelPacket(inside) : inside;
    if (r.chance(0.8)) return { frame, offload: NO_OFFLOAD };
    const offload: Offload = {
      flags: r.pick([0, 1, 1, 2]),
      gsoType: r.pick([0, 0, 1, 4, 5]),
      hdrLen: r.pick([0, 54, 66]),
      gsoSize: r.pick([0, 100, 1448]),
      csumStart: r.pick([34, 38, 54, 58]),
      csumOffset: r.pick([6, 16]),
    };
    return { frame, offload };
  }

  /** As another switch sends it: most often the kind that is quickest to take apart. */
  private tunnelPacket(inside: Uint8Array): Uint8Array {
    const { r } = this;
    const [kind, port] = r.pick([
      ['vxlan', 4789],
      ['geneve', 6081],
      ['gre', 0],
      ['ip6gre', 0],
    ] as const);
    const p = newPacket(inside, NO_OFFLOAD, 0);
    const header = randomTunnelHeader(r, kind);
    if (port !== 0) put16(header, header[12] === 0x86 ? 56 : 36, port);
    const push = { type: 'tnl_push', port: 0, kind, bare: false, header, out: 0 } as const;
    encapsulate(p, new Uint8Array(DP_KEY_BYTES), push, () => 0);
    return p.frame;
  }

  private randomMeter(id: number): void {
    const { r } = this;
    const bands = Array.from({ length: r.pick([0, 1, 1, 2, 8]) }, () => ({
      rate: r.pick([1, 10, 100, 0xffffffff]),
      burst: r.pick([0, 1, 20, 0xffffffff]),
    }));
    const spec: MeterSpec | undefined = r.chance(0.2) ? undefined : { unit: r.pick(['kbps', 'pktps'] as const), bands };
    this.both((dp) => dp.meterSet(id, spec));
  }

  /** What a switch does between packets, at random. */
  private command(): void {
    const { r } = this;
    const port = r.pick(PORTS);
    const { controller } = this.plain;
    const churn = r.u32();
    if (r.chance(0.5)) {
      this.nowMs += r.pick([1, 10, 100, 3000]);
      this.both((dp) => dp.setClock(this.nowMs));
    }
    if (r.chance(0.3)) for (const e of [this.plain, this.native]) e.controller.churn(new Random(churn));
    if (r.chance(0.1)) this.randomMeter(r.pick(METERS));
    if (r.chance(0.1)) {
      const up = r.chance(0.7);
      this.both((dp) => dp.portState(port, up));
    }
    if (r.chance(0.1)) {
      const [rate, burst] = [r.pick([0, 0, 1, 50]), r.pick([1, 3, 100])];
      this.both((dp) => dp.upcallLimit(port, rate, burst));
    }
    if (r.chance(0.05)) {
      this.both((dp) => {
        dp.portRemove(port);
        if (controller.installs % 2) dp.run();
        dp.portAdd(port, { ...MEMORY, mtu: 1500 });
      });
    }
    if (r.chance(0.2)) this.packetOut(r.chance(0.3) ? 0 : port);
  }

  private packetOut(port: number): void {
    const { r } = this;
    const key = new Uint8Array(DP_KEY_BYTES);
    new DataView(key.buffer).setUint32(K.inPort.offset, port);
    key.set(r.bytes(8), K.pktMark.offset);
    const { frame, offload } = r.pick(this.frames);
    const actions = randomActions(r, { ports: [...PORTS, NULL_PORT], recircIds: [1], userspace: true });
    const counted = r.chance(0.5);
    this.both((dp) => dp.execute(key, frame, offload, actions, counted));
    this.sent++;
  }
}
