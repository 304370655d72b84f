/** What the datapath has looked up, as tools count it: from when the first bridge came, since the datapath of Open vSwitch goes with the last one. */
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import type { Core } from '../core.js';

export interface LookupCounts {
  readonly hit: number;
  readonly missed: number;
  readonly lost: number;
}

export class Lookups {
  private before: LookupCounts = { hit: 0, missed: 0, lost: 0 };

  constructor(
    core: Core,
    private readonly dp: Pick<NativeDriver, 'workersEver' | 'workerCounters'>,
  ) {
    core.onEmpty = () => {
      this.before = this.total();
    };
  }

  private total(): LookupCounts {
    const sum = { hit: 0, missed: 0, lost: 0 };
    for (let w = 0; w < this.dp.workersEver(); w++) {
      const c = this.dp.workerCounters(w);
      sum.hit += c.microflow_hits + c.megaflow_hits;
      sum.missed += c.misses;
      sum.lost += c.upcalls_lost;
    }
    return sum;
  }

  counts(): LookupCounts {
    const { hit, missed, lost } = this.total();
    const { before } = this;
    return { hit: hit - before.hit, missed: missed - before.missed, lost: lost - before.lost };
  }
}
