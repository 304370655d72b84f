/**
 * Memory given back after the start, and after much was removed.
 *
 * A start leaves what it used once: the text of modules, compiled forms that were only read, pages of Node's own program.
 *
 * The engine collects when it allocates. A switch that lost a hundred ports and is then quiet does not allocate, and would keep what they took for hours; the
 * next hundred would come on top. So once no port has gone for a while, all is collected at once, and what the C library holds goes back to the kernel.
 *
 * Price: this thread stands still meanwhile, some 30 to 60 ms with a heap of 60 MB: upcalls wait, known flows do not. So never for a few ports, and not where
 * the heap is large: there a pause is worse than memory that is kept.
 */
import { getHeapStatistics } from 'node:v8';
import { loadAddon } from '../datapath/driver/load.js';

/** Ports that are worth it: each leaves 0.1 to 0.3 MB. */
const MANY = 50;
const LARGE_HEAP = 256 << 20;
/** Looks until a start is over, a first configuration included. */
const STARTED = 4;
/** Misses between two looks that may wait while memory is given back. */
const FEW = 50;

export class Tidy {
  private done = 0;
  private last = 0;
  private looks = 0;
  private started = false;
  private misses = 0;

  constructor(private readonly giveBack: () => void = collect) {}

  /**
   * `removed`: ports removed since the start; `misses`: packets that asked for a decision. Call it now and then: done once after the start, when few ask, and when
   * some ports have gone since the last time, and none since the last call.
   */
  look(removed: number, misses = 0): void {
    const few = misses - this.misses < FEW;
    this.misses = misses;
    if (++this.looks >= STARTED && !this.started && few) {
      this.started = true;
      this.giveBack();
    }
    const isQuiet = removed === this.last;
    this.last = removed;
    if (!isQuiet || removed - this.done < MANY) return;
    this.done = removed;
    this.giveBack();
  }
}

function collect(): void {
  loadAddon().trimMemory(getHeapStatistics().used_heap_size < LARGE_HEAP);
}
