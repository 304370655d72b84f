/**
 * Memory that the clients of a server share. One who wants more than there is may not take it from the others: when all together have too much, the one who has
 * most is given up, and with it what it holds.
 */
export class Budget {
  private readonly accounts = new Set<Account>();

  /** `limit`: bytes of all accounts together. */
  constructor(private readonly limit: number) {}

  /** `giveUp` must end in Account.close(), at once. */
  open(giveUp: (why: string) => void): Account {
    const account: Account = new Account(
      giveUp,
      () => this.settle(account),
      () => this.accounts.delete(account),
    );
    this.accounts.add(account);
    return account;
  }

  /** False when it is `by` that has most. */
  private settle(by: Account): boolean {
    let total = 0;
    for (const a of this.accounts) total += a.size;
    while (total > this.limit) {
      let most = by;
      for (const a of this.accounts) if (a.size > most.size) most = a;
      if (most === by) return false;
      total -= most.size;
      this.accounts.delete(most);
      most.giveUp(this.why(most.size));
    }
    return true;
  }

  why(size: number): string {
    return `holds ${size} bytes, the most of more than ${this.limit} that clients may hold in all`;
  }
}

export class Account {
  size = 0;

  constructor(
    readonly giveUp: (why: string) => void,
    private readonly settle: () => boolean,
    private readonly remove: () => void,
  ) {}

  /** False: it is this one that must be given up, by the caller. Less is always fine. */
  set(size: number): boolean {
    const grows = size > this.size;
    this.size = size;
    return !grows || this.settle();
  }

  add(bytes: number): boolean {
    return this.set(this.size + bytes);
  }

  close(): void {
    this.size = 0;
    this.remove();
  }
}
