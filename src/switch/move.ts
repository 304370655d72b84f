/** Moving frames where the datapath has no threads of its own. */
import type { Datapath } from '../datapath/datapath.js';
import type { Core } from './core.js';

/** Until all frames are where they go, and decisions are up to date. Returns how many were moved. */
export function moveFrames(core: Core, dp: Datapath): number {
  dp.setClock(core.now());
  const { counts } = core.upcalls;
  let moved = 0;
  for (;;) {
    // What changed since takes effect before the next frame, and what a batch taught before the next batch.
    const changed = core.settle();
    const { misses } = counts;
    const n = dp.run(1);
    moved += n;
    if (n !== 0 || changed || counts.misses !== misses) continue;
    // An answered packet may be on its way round again, and nothing comes in meanwhile.
    if (dp.run(1) === 0 && counts.misses === misses && !core.settle()) return moved;
  }
}
