/** A port of a bridge: its place in OpenFlow, in the datapath and in the VLANs. */
import type { Datapath } from '../datapath/datapath.js';
import { DROP, type DropReasonName } from '../datapath/drop-reasons.js';
import type { TunnelConfig } from '../tunnel/config.js';
import type { PortView, Tally, TunnelView } from '../upcall/view.js';
import type { NormalPort } from './normal.js';
import type { LinkFeatures, OfPort, OfPortStats } from './of-bridge.js';
import { type VlanConfig, type VlanSpec, vlanConfig } from './vlan.js';

/** What only the kernel counts of a device. */
export type DeviceErrors = Pick<OfPortStats, 'rxFrameErrors' | 'rxOverErrors' | 'rxCrcErrors' | 'collisions'>;

/** What the device behind a port says of itself; what is left out is as it was. */
export interface DeviceWord {
  readonly hwAddr?: Uint8Array;
  readonly link?: LinkFeatures;
}

export interface BridgePortSpec {
  readonly number: number;
  readonly name: string;
  /** 0: a patch port. */
  readonly vport: number;
  readonly hwAddr: Uint8Array;
  readonly vlan?: VlanSpec;
  /** Nothing is known of losses: a dummy. */
  readonly countsNoLosses?: boolean;
  /** The other end of a patch port, asked each time: it may come and go. */
  readonly peer?: () => PortView['patch'];
  /** Of a tunnel port, whose `vport` is that of its backer. */
  readonly tunnel?: TunnelConfig | undefined;
  /** 1.3 numbering, kbit/s. */
  readonly currSpeed?: number;
  readonly curr?: number;
}

/** Drops that the port suffers because the switch is too busy; what the tables say is no drop of the port. */
const OVERLOAD: readonly DropReasonName[] = [
  'too_long',
  'upcall_queue_full',
  'upcall_rate',
  'pending_full',
  'pending_timeout',
  'no_buffer',
];

const FEATURES = ['curr', 'advertised', 'supported', 'peer', 'currSpeed', 'maxSpeed'] as const;

/** OFPPF_10GB_FD | OFPPF_COPPER: what a virtual link says of itself. */
const VIRTUAL_LINK = 0x840;

export class BridgePort implements OfPort, NormalPort {
  readonly number: number;
  readonly name: string;
  readonly vport: number;
  hwAddr: Uint8Array;
  config = 0;
  state = 0;
  deviceDown = false;
  vlan: VlanConfig;
  mirrorOutput = false;
  isProtected = false;
  isStandby = false;
  link: LinkFeatures;
  /** Asked each time; undefined: no device of the kernel's. */
  deviceErrors?: () => DeviceErrors | undefined;

  constructor(
    private readonly spec: BridgePortSpec,
    private readonly dp: Datapath,
    private readonly clock: { now(): number },
  ) {
    this.number = spec.number;
    this.name = spec.name;
    this.vport = spec.vport;
    this.hwAddr = spec.hwAddr;
    this.vlan = vlanConfig(spec.vlan ?? {});
    const { curr = spec.vport === 0 ? 0 : VIRTUAL_LINK, currSpeed = spec.vport === 0 ? 0 : 10_000_000 } = spec;
    this.link = { curr, currSpeed, advertised: 0, supported: 0, peer: 0, maxSpeed: 0 };
    this.added = clock.now();
    if (spec.peer || spec.tunnel) this.tallies = { rx: new Tallied(), tx: new Tallied() };
    if (spec.tunnel) this.tunnel = { config: spec.tunnel };
  }

  private readonly added: number;
  readonly tunnel?: TunnelView;
  readonly tallies: { readonly rx: Tallied; readonly tx: Tallied } | undefined;

  /** True: the device said something else before. */
  take({ hwAddr = this.hwAddr, link = this.link }: DeviceWord): boolean {
    const same = this.hwAddr.every((b, i) => b === hwAddr[i]) && FEATURES.every((f) => this.link[f] === link[f]);
    this.hwAddr = hwAddr;
    this.link = link;
    return !same;
  }

  get patch(): PortView['patch'] {
    return this.spec.peer?.();
  }

  stats(): OfPortStats {
    const durationMs = this.clock.now() - this.added;
    if (this.tallies) {
      const { rx, tx } = this.tallies;
      const counted = { rxPackets: rx.packets, rxBytes: rx.bytes, txPackets: tx.packets, txBytes: tx.bytes };
      return { ...NO_STATS, ...counted, ...NO_LOSSES, durationMs };
    }
    if (this.vport === 0) return { ...NO_STATS, durationMs };
    const c = this.dp.portCounters(this.vport);
    return {
      rxPackets: c.rx_packets,
      txPackets: c.tx_packets,
      rxBytes: c.rx_bytes,
      txBytes: c.tx_bytes,
      ...(this.spec.countsNoLosses
        ? NO_LOSSES
        : {
            rxDropped: OVERLOAD.reduce((n, reason) => n + (c.drops[DROP[reason]] ?? 0), 0),
            txDropped: c.tx_dropped,
            rxErrors: c.rx_errors,
            txErrors: 0,
          }),
      ...(this.deviceErrors?.() ?? NO_ERRORS),
      durationMs,
    };
  }
}

/** What a patch port has carried, by the packets of flows. */
class Tallied implements Tally {
  packets = 0;
  bytes = 0;

  credit(packets: number, bytes: number): void {
    this.packets += packets;
    this.bytes += bytes;
  }
}

/** -1 is told as unknown. */
const NO_ERRORS = { rxFrameErrors: -1, rxOverErrors: -1, rxCrcErrors: -1, collisions: -1 } as const;
const NO_LOSSES = { rxDropped: -1, txDropped: -1, rxErrors: -1, txErrors: -1 } as const;

const NO_STATS: OfPortStats = {
  rxPackets: 0,
  txPackets: 0,
  rxBytes: 0,
  txBytes: 0,
  rxDropped: 0,
  txDropped: 0,
  rxErrors: 0,
  txErrors: 0,
  ...NO_ERRORS,
  durationMs: 0,
};
