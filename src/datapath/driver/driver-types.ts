/** A receive queue and the worker that it goes to. */
export interface QueueMove {
  readonly vport: number;
  readonly queue: number;
  readonly worker: number;
}
