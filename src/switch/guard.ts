/**
 * Who makes decisions dear for others. A decision takes five to ten microseconds of the one thread that decides, and each mask of the datapath's cache some
 * nanoseconds of every packet, whoever brought it: so a port gets so many decisions a second, and what it did not use for a second at once; and a port
 * that brings more masks than it may (mask-shapes.ts) is isolated: its flows are of everything that its packets have, so that each connection needs a
 * decision, and it gets fewer of them, until it has brought none too many for a while.
 *
 * Price: an honest port of a pipeline that needs more masks opens as many connections a second as an isolated one may.
 */
import type { NativeDriver } from '../datapath/driver/native-driver.js';
import { DROP } from '../datapath/drop-reasons.js';
import { MASKS_A_PORT } from '../upcall/mask-shapes.js';
import type { Core } from './core.js';

export interface UpcallLimit {
  /** A second; 0: no limit. */
  readonly rate: number;
  /** At once. */
  readonly burst: number;
}

/** Half of what the one thread decides; twice as many as Open vSwitch does at best. A burst is half of a full table. */
export const UPCALL_LIMIT: UpcallLimit = { rate: 100_000, burst: 100_000 };
export const NO_LIMIT: UpcallLimit = { rate: 0, burst: 0 };
/** A twentieth of a processor. */
export const ISOLATED_LIMIT: UpcallLimit = { rate: 5000, burst: 5000 };
/** Without one mask too many. */
const CALM_MS = 10_000;

/** What a port got, and what not. */
export interface PortUpcalls {
  readonly name: string;
  /** In the cache, that it brought. */
  readonly masks: number;
  /** Misses over its budget of masks. */
  readonly excess: number;
  readonly isolated: boolean;
  /** Packets dropped undecided: over the limit, and because the queue was full. */
  readonly refused: number;
  readonly crowded: number;
}

export class UpcallGuard {
  /** Isolated ports, and when they last brought a mask too many. */
  private readonly isolated = new Map<number, number>();
  private readonly excess = new Map<number, number>();
  /** Ports that were isolated, ever. */
  isolations = 0;

  constructor(
    private readonly core: Core,
    private readonly dp: NativeDriver,
    private readonly log: (text: string) => void,
    /** None where the clock may stand. */
    private limit = UPCALL_LIMIT,
  ) {
    core.upcalls.onExcess = (vport) => this.exceeds(vport);
    dp.upcallDefault = limit;
  }

  private exceeds(vport: number): void {
    this.excess.set(vport, (this.excess.get(vport) ?? 0) + 1);
    const known = this.isolated.has(vport);
    this.isolated.set(vport, this.core.now());
    if (known) return;
    this.isolations++;
    if (this.limit.rate > 0) this.apply(vport, ISOLATED_LIMIT);
    this.log(
      `${this.core.vportName(vport)}: isolated: its packets bring more than ${MASKS_A_PORT} masks to the datapath's cache; ` +
        `each of its flows is exact now, and ${ISOLATED_LIMIT.rate} a second are decided`,
    );
  }

  /** Lets go of ports that are calm, and forgets those that are gone: their numbers are given out again. */
  look(): void {
    for (const vport of this.excess.keys()) if (this.core.vportName(vport) === undefined) this.excess.delete(vport);
    for (const [vport, last] of this.isolated) {
      const name = this.core.vportName(vport);
      if (name !== undefined && this.core.now() - last < CALM_MS) continue;
      this.isolated.delete(vport);
      if (name === undefined) continue;
      this.apply(vport, this.limit);
      this.log(`${name}: isolated no more: it brought no mask too many for ${CALM_MS / 1000} s`);
    }
  }

  /** Of ports that are there, and those to come. */
  setLimit(limit: UpcallLimit): void {
    this.limit = limit;
    this.dp.upcallDefault = limit;
    for (const { vport } of this.ports()) if (!this.isolated.has(vport)) this.apply(vport, limit);
  }

  get current(): UpcallLimit {
    return this.limit;
  }

  private apply(vport: number, { rate, burst }: UpcallLimit): void {
    this.dp.upcallLimit(vport, rate, burst);
  }

  private *ports(): Iterable<{ readonly vport: number; readonly name: string }> {
    yield* this.core.dpPorts();
    yield* this.core.underlay.backers.values();
  }

  *show(): Iterable<PortUpcalls> {
    for (const { vport, name } of this.ports()) {
      const { drops } = this.dp.portCounters(vport);
      yield {
        name,
        masks: this.core.upcalls.flows.masksOf(vport),
        excess: this.excess.get(vport) ?? 0,
        isolated: this.isolated.has(vport),
        refused: drops[DROP.upcall_rate],
        crowded: drops[DROP.upcall_queue_full],
      };
    }
  }
}
