/** Words for people; `mode` is of XDP, by Open vSwitch's names, and `shortfall` says why it is no better one. */
export interface PortPaths {
  readonly receive: string;
  readonly send: string;
  readonly mode: string;
  readonly shortfall: string;
}

/** A receive queue and the worker that it goes to. */
export interface QueueMove {
  readonly vport: number;
  readonly queue: number;
  readonly worker: number;
}
