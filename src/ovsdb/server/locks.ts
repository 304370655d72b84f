/**
 * Locks that clients share: RFC 7047 section 4.1.8. Who waits first gets it next. Who steals goes before the owner; an owner that had waited for its turn waits again
 * then, one that had stolen it has lost it.
 */

/** One that may hold locks. */
export interface LockHolder {
  /** It got a lock it waited for, or lost one. */
  lockChanged(name: string, what: 'locked' | 'stolen'): void;
}

interface Waiter {
  readonly who: LockHolder;
  readonly stole: boolean;
}

export class Locks {
  /** First: the owner. */
  private readonly queues = new Map<string, Waiter[]>();
  /** Who has lost a lock and not unlocked it. */
  private readonly lost = new Map<LockHolder, Set<string>>();

  owns(who: LockHolder, name: string): boolean {
    return this.queues.get(name)?.[0].who === who;
  }

  /** True from locking or stealing to unlocking. */
  has(who: LockHolder, name: string): boolean {
    return this.lost.get(who)?.has(name) || (this.queues.get(name)?.some((w) => w.who === who) ?? false);
  }

  /** The names that `who` owns, waits for and has lost. */
  of(who: LockHolder): { owned: string[]; awaited: string[]; lost: string[] } {
    const owned: string[] = [];
    const awaited: string[] = [];
    for (const [name, queue] of this.queues) {
      if (queue[0].who === who) owned.push(name);
      else if (queue.some((w) => w.who === who)) awaited.push(name);
    }
    return { owned, awaited, lost: [...(this.lost.get(who) ?? [])] };
  }

  /** True when `who` owns it now. It must not have it already. */
  take(who: LockHolder, name: string, steal: boolean): boolean {
    const queue = this.queues.get(name) ?? [];
    this.queues.set(name, queue);
    const waiter = { who, stole: steal };
    const victim = steal ? queue[0] : undefined;
    if (victim?.stole) {
      queue.shift();
      const names = this.lost.get(victim.who) ?? new Set();
      this.lost.set(victim.who, names.add(name));
    }
    if (steal) queue.unshift(waiter);
    else queue.push(waiter);
    victim?.who.lockChanged(name, 'stolen');
    return queue[0] === waiter;
  }

  release(who: LockHolder, name: string): void {
    const names = this.lost.get(who);
    if (names?.delete(name)) {
      if (names.size === 0) this.lost.delete(who);
      return;
    }
    const queue = this.queues.get(name);
    const at = queue?.findIndex((w) => w.who === who) ?? -1;
    if (!queue || at < 0) return;
    queue.splice(at, 1);
    if (queue.length === 0) this.queues.delete(name);
    // Like Open vSwitch also when one gives up that only waited: the owner hears what it knows.
    else queue[0].who.lockChanged(name, 'locked');
  }

  releaseAll(who: LockHolder): void {
    const { owned, awaited, lost } = this.of(who);
    for (const name of [...awaited, ...owned, ...lost]) this.release(who, name);
  }
}
