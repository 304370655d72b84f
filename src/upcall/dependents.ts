/**
 * Which flows a change touches, without a look at the others: hosts that come and go, and packets that lie about who they are, change link addresses all
 * the time, and a switch has hundreds of thousands of flows.
 *
 * Rules are many to a flow and shared by very many flows, but ways through the tables are few: each way knows its flows, and a change of rules is held against
 * ways. What else decided is of few flows each and leads to them by a map, in which a single flow, the common case, stands for itself.
 * Price: 16 bytes a flow, and a map entry for each thing of its own that decided.
 */
import { type ChangeSet, isDiverted } from './changes.js';
import type { Path } from './derivation.js';
import type { DpFlow } from './megaflows.js';
import type { Dependency } from './view.js';

export class Dependents {
  private readonly byPath = new Map<Path, DpFlow[]>();
  private readonly byDep = new Map<Dependency, DpFlow | Set<DpFlow>>();

  add(flow: DpFlow): void {
    const known = this.byPath.get(flow.path);
    if (known) flow.pathPlace = known.push(flow) - 1;
    else {
      flow.pathPlace = 0;
      this.byPath.set(flow.path, [flow]);
    }
    for (const dep of flow.details.deps) this.lead(dep, flow);
  }

  private lead(dep: Dependency, flow: DpFlow): void {
    const known = this.byDep.get(dep);
    if (known instanceof Set) known.add(flow);
    else this.byDep.set(dep, known === undefined || known === flow ? flow : new Set([known, flow]));
  }

  /** By what it was added with: before its path or details become others. */
  remove(flow: DpFlow): void {
    const list = this.byPath.get(flow.path);
    const last = list?.pop();
    if (list?.length === 0) this.byPath.delete(flow.path);
    else if (list && last && last !== flow) {
      last.pathPlace = flow.pathPlace;
      list[flow.pathPlace] = last;
    }
    for (const dep of flow.details.deps) {
      const known = this.byDep.get(dep);
      if (known === flow) this.byDep.delete(dep);
      else if (known instanceof Set && known.delete(flow) && known.size === 0) this.byDep.delete(dep);
    }
  }

  /** Flows that may not be right any more; not for `everything`. */
  touched(c: ChangeSet): DpFlow[] {
    const found = new Set<DpFlow>();
    if (c.rules || c.added.size > 0) {
      for (const [path, flows] of this.byPath) if (isDiverted(path, c)) for (const flow of flows) found.add(flow);
    }
    for (const dep of c.deps) {
      const known = this.byDep.get(dep);
      if (known instanceof Set) for (const flow of known) found.add(flow);
      else if (known) found.add(known);
    }
    return [...found];
  }
}
