/** Locks that clients share: RFC 7047 section 4.1.8. Who waits first gets it next; who steals goes before the owner, who then waits first. */

/** One that may hold locks. */
export interface LockHolder {
  /** It got a lock it waited for, or lost one. */
  lockChanged(name: string, what: 'locked' | 'stolen'): void;
}

export class Locks {
  /** First: the owner. */
  private readonly queues = new Map<string, LockHolder[]>();

  owns(who: LockHolder, name: string): boolean {
    return this.queues.get(name)?.[0] === who;
  }

  /** True when it owns the lock or waits for it. */
  has(who: LockHolder, name: string): boolean {
    return this.queues.get(name)?.includes(who) ?? false;
  }

  /** The names that `who` owns and those it waits for. */
  of(who: LockHolder): { owned: string[]; awaited: string[] } {
    const owned: string[] = [];
    const awaited: string[] = [];
    for (const [name, queue] of this.queues) if (queue.includes(who)) (queue[0] === who ? owned : awaited).push(name);
    return { owned, awaited };
  }

  /** True when `who` owns it now. It must not be in the queue yet. */
  take(who: LockHolder, name: string, steal: boolean): boolean {
    const queue = this.queues.get(name) ?? [];
    this.queues.set(name, queue);
    const [victim] = queue;
    if (steal) queue.unshift(who);
    else queue.push(who);
    if (steal) victim?.lockChanged(name, 'stolen');
    return queue[0] === who;
  }

  release(who: LockHolder, name: string): void {
    const queue = this.queues.get(name);
    if (!queue) return;
    const owned = queue[0] === who;
    queue.splice(queue.indexOf(who), 1);
    if (queue.length === 0) this.queues.delete(name);
    else if (owned) queue[0].lockChanged(name, 'locked');
  }

  releaseAll(who: LockHolder): void {
    const { owned, awaited } = this.of(who);
    for (const name of [...awaited, ...owned]) this.release(who, name);
  }
}
