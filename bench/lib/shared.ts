/** A figure of which several rows show a part: it is measured when a row asks that has had the last one already. */
export class Shared<T> {
  private readonly waiting = new Map<string, T[]>();

  constructor(parts: readonly string[]) {
    for (const p of parts) this.waiting.set(p, []);
  }

  async take(part: string, measure: () => Promise<T>): Promise<T> {
    const mine = this.waiting.get(part);
    if (!mine) throw new Error(`no part ${part}`);
    if (mine.length === 0) {
      const value = await measure();
      for (const queue of this.waiting.values()) queue.push(value);
    }
    const [value] = mine.splice(0, 1);
    return value;
  }
}
