/**
 * How many VLAN tags of a packet are fields; what is behind them is payload. It may change while the switch runs: what was read with another limit
 * means something else then, so no flow of the datapath outlives it.
 */
import type { Bridge } from '../bridge/bridge.js';
import type { Datapath } from '../datapath/datapath.js';
import type { Upcalls } from '../upcall/upcalls.js';

/** Tags that a key has room for. */
const MOST = 2;

/** What is asked of the switch. */
interface Limited {
  readonly dp: Datapath;
  readonly upcalls: Upcalls;
  readonly bridges: ReadonlyMap<string, Bridge>;
}

/** The limit that the text of other_config:vlan-limit means: a number that is not positive means as many as can be, what is no number says nothing. */
export function vlanLimitOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\s*[-+]?\d+$/.test(text)) return undefined;
  const n = Number(text);
  return n <= 0 ? MOST : Math.min(n, MOST);
}

export class VlanLimit {
  private said: number | undefined;
  private found: number | undefined;

  /** `byOption`: the limit while nobody says another. */
  constructor(
    private readonly of: Limited,
    private readonly byOption: () => number,
  ) {}

  get now(): number {
    return this.said ?? this.byOption();
  }

  /** What the datapath was found to be capable of when its first bridge came, as Open vSwitch tells it from then on. */
  get probed(): number {
    return this.found ?? this.now;
  }

  /** A bridge comes; its limit. */
  probe(): number {
    if (this.of.bridges.size === 0) this.found = this.now;
    return this.now;
  }

  /** `n`: see vlanLimitOf. */
  set(n: number | undefined): void {
    const before = this.now;
    this.said = n;
    const { now } = this;
    if (now === before) return;
    this.of.upcalls.removeAll();
    this.of.dp.vlanLimit(now);
    for (const b of this.of.bridges.values()) b.maxVlans = now;
  }
}
