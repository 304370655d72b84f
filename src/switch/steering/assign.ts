/**
 * Which receive queue goes to which worker: pure functions of what was measured and asked for.
 *
 * Queues that are pinned go where they are pinned to; such a worker is isolated, as a rule, and gets no others. The others are dealt out by one of three
 * ways: `cycles` (the dearest first, to and fro over the workers), `roundrobin` (in order of ports, round and round), `group` (the dearest first, each to the
 * worker that has least to do).
 */
import type { Assign } from './settings.js';

export interface Queue {
  readonly vport: number;
  readonly queue: number;
  /** Name of the port. */
  readonly port: string;
  /** What it cost lately. */
  readonly cycles: number;
  /** Number of the processor that it is to be on. */
  readonly pinned?: number;
}

export interface Assignment {
  /** Worker of each queue, in the order of the queues. */
  readonly workers: readonly number[];
  /** Workers that have pinned queues, and no others. */
  readonly isolated: ReadonlySet<number>;
  /** What could not be as it was asked for. */
  readonly faults: readonly string[];
}

/** `cores`: processor number of each worker. */
export function assign(queues: readonly Queue[], cores: readonly number[], how: Assign, isolate: boolean): Assignment {
  const workers: number[] = queues.map(() => 0);
  const isolated = new Set<number>();
  const faults: string[] = [];
  const load = cores.map(() => ({ cycles: 0, queues: 0 }));
  const give = (i: number, worker: number): void => {
    workers[i] = worker;
    load[worker].cycles += queues[i].cycles;
    load[worker].queues++;
  };
  const rest: number[] = [];
  queues.forEach((q, i) => {
    if (q.pinned === undefined) {
      rest.push(i);
      return;
    }
    const worker = cores.indexOf(q.pinned);
    if (worker >= 0) {
      give(i, worker);
      if (isolate) isolated.add(worker);
      return;
    }
    const core = String(q.pinned).padStart(2);
    faults.push(
      `Core ${core} cannot be pinned with port '${q.port}' rx queue ${q.queue}. Use pmd-cpu-mask to enable a pmd on core ${core.trim()}. An alternative core will be assigned.`,
    );
    rest.push(i);
  });
  let free = cores.map((_, w) => w).filter((w) => !isolated.has(w));
  if (free.length === 0 && rest.length > 0) {
    // Open vSwitch polls such queues no more. A port that is deaf helps nobody.
    const names = rest.map((i) => `'${queues[i].port}' rx queue ${queues[i].queue}`).join(', ');
    faults.push(`No non-isolated pmd available for port ${names}: isolated ones take it.`);
    free = cores.map((_, w) => w);
  }
  if (how !== 'roundrobin') rest.sort((a, b) => queues[b].cycles - queues[a].cycles || a - b);
  const order = [...free].sort((a, b) => cores[a] - cores[b]);
  rest.forEach((i, n) => {
    const back = how === 'cycles' && Math.floor(n / order.length) % 2 === 1;
    const at = back ? order.length - 1 - (n % order.length) : n % order.length;
    give(i, how === 'group' ? leastLoaded(order, load) : order[at]);
  });
  return { workers, isolated, faults };
}

/** By cycles; between equals who has fewer queues. */
function leastLoaded(
  order: readonly number[],
  load: readonly { readonly cycles: number; readonly queues: number }[],
): number {
  let best = order[0];
  for (const w of order) {
    const d = load[w].cycles - load[best].cycles || load[w].queues - load[best].queues;
    if (d < 0) best = w;
  }
  return best;
}

/** What each of these workers has, of all that its queues bring. */
export function sums(brings: readonly number[], workers: readonly number[], among: readonly number[]): number[] {
  return among.map((w) => brings.reduce((sum, x, i) => sum + (workers[i] === w ? x : 0), 0));
}

export function variance(all: readonly number[]): number {
  const n = Math.max(1, all.length);
  const mean = all.reduce((x, y) => x + y, 0) / n;
  return all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n;
}

/**
 * The processor of each worker when others are wanted: a worker whose processor is still wanted keeps it, so that what it knows stays beside it.
 * -1 is no processor in particular.
 */
export function coresOf(before: readonly number[], wanted: readonly number[]): number[] {
  const keep = before.slice(0, wanted.length).map((core) => (wanted.includes(core) ? core : undefined));
  const left = wanted.filter((core) => !keep.includes(core));
  return wanted.map((_, w) => keep[w] ?? left.shift() ?? -1);
}
