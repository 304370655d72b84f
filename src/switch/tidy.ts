/**
 * Memory given back after the start, and after many ports came or went.
 *
 * A start leaves what it used once: the text of modules, compiled forms that were only read, pages of Node's own program.
 *
 * The engine collects when it allocates. A switch that lost a hundred ports and is then quiet does not allocate, and would keep what they took for hours; the
 * next hundred would come on top. One that was given a thousand keeps what it took to make them: twice as much as they are. So once no port has come or gone for a
 * while, all is collected at once, and what the C library holds goes back to the kernel.
 *
 * Price: this thread stands still meanwhile, some 30 to 60 ms with a heap of 60 MB: upcalls wait, known flows do not. So never for a few ports, and not where
 * the heap is large: there a pause is worse than memory that is kept. Ports that came are likely to bring packets, and so do not cause it while many of those wait.
 */
import { getHeapStatistics } from 'node:v8';
import { loadAddon } from '../datapath/driver/load.js';

/** Ports that are worth it: each that goes leaves 0.1 to 0.3 MB, each that comes 0.04. */
const MANY = 50;
const LARGE_HEAP = 256 << 20;
/** Looks until a start is over, a first configuration included. */
const STARTED = 4;
/** Misses between two looks that may wait while memory is given back. */
const FEW = 50;

export class Tidy {
  private done = { added: 0, removed: 0, misses: 0 };
  private last = this.done;
  private looks = 0;
  private started = false;

  constructor(private readonly giveBack: () => void = collect) {}

  /**
   * `added`, `removed`: ports since the start; `misses`: packets that asked for a decision since then. Call it now and then: memory is given
   * back once after the start, when few packets ask, and when many ports have come or gone since the last time, and none since the last call.
   */
  look(added: number, removed: number, misses: number): void {
    const { last, done } = this;
    const now = { added, removed, misses };
    this.last = now;
    this.looks++;
    const few = now.misses - last.misses < FEW;
    const isStarted = few && !this.started && this.looks >= STARTED;
    const isQuiet = now.added === last.added && now.removed === last.removed;
    const many = now.removed - done.removed >= MANY || (few && now.added - done.added >= MANY);
    if (!isStarted && !(isQuiet && many)) return;
    this.started ||= isStarted;
    this.done = now;
    this.giveBack();
  }
}

function collect(): void {
  loadAddon().trimMemory(getHeapStatistics().used_heap_size < LARGE_HEAP);
}
