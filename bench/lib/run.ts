/** Measures rows: all sides of a group are opened, each row goes round its sides in turn, medians and ratios are taken, everything is closed. */
import { type Group, Missing, type OpenSide, OURS, type RowFacts, type Turn } from './row.js';

export interface Ratio {
  /** Median of the rounds' ratios. */
  readonly ratio: number;
  readonly target?: number;
  readonly met?: boolean;
}

export interface Result {
  readonly group: string;
  readonly row: string;
  readonly what: string;
  readonly unit: string;
  readonly better: RowFacts['better'];
  readonly goal?: number;
  readonly point?: RowFacts['point'];
  /** By side: medians. */
  readonly figures: Readonly<Record<string, number>>;
  /** By side, a value a round. */
  readonly samples: Readonly<Record<string, readonly number[]>>;
  /** By peer. */
  readonly ratios: Readonly<Record<string, Ratio>>;
  /** By side that was not measured: why. */
  readonly missing: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly seconds: number;
}

export interface Plan {
  readonly turn: Turn;
  readonly rounds: number;
  /** Only rows of these names; all when undefined. */
  readonly rows?: ReadonlySet<string>;
  /** Without them only our own side is measured. */
  readonly peers: boolean;
}

export function median(xs: readonly number[]): number {
  const sorted = [...xs].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Whether a ratio keeps its target; nobody is asked for more than two decimals. */
export function met(ratio: number, target: number, better: RowFacts['better']): boolean {
  const rounded = Math.round(ratio * 100) / 100;
  return better === 'higher' ? rounded >= target : rounded <= target;
}

const reason = (e: unknown): string => {
  if (e instanceof Missing) return e.message;
  return `failed: ${e instanceof Error ? e.message : String(e)}`;
};

/** Sides of a group, opened when first asked for. What fails stays failed for the group's rows. */
class Sides {
  private readonly open = new Map<string, OpenSide | string>();

  constructor(
    private readonly group: Group,
    private readonly turn: Turn,
  ) {}

  /** What a side measures, or why it cannot. All others stand still meanwhile: a switch whose thread never sleeps takes a processor from whoever else is measured. */
  async measure(name: string, row: string): Promise<number | string> {
    let side = this.open.get(name);
    if (side === undefined) {
      side = await this.group.open(name, this.turn).catch(reason);
      this.open.set(name, side);
    } else if (typeof side !== 'string') {
      await side.pause(false);
    }
    if (typeof side === 'string') return side;
    try {
      return await side.measure(row, this.turn).catch(reason);
    } finally {
      await side.pause(true);
    }
  }

  async close(): Promise<void> {
    for (const side of this.open.values()) if (typeof side !== 'string') await side.close();
  }
}

async function measureRow(group: Group, row: RowFacts, sides: Sides, plan: Plan): Promise<Result> {
  const peers = plan.peers ? Object.keys(row.targets).filter((p) => p !== OURS) : [];
  const samples: Record<string, number[]> = {};
  const missing: Record<string, string> = {};
  const rounds = row.exact ? 1 : plan.rounds;
  for (let round = 0; round < rounds; round++) {
    for (const name of [OURS, ...peers]) {
      if (name in missing) continue;
      const value = await sides.measure(name, row.name);
      if (typeof value === 'string') missing[name] = value;
      else {
        samples[name] ??= [];
        samples[name].push(value);
      }
    }
  }
  const done = Object.entries(samples);
  const figures = Object.fromEntries(done.map(([name, values]) => [name, median(values)]));
  const ratios: Record<string, Ratio> = {};
  for (const peer of peers) {
    const [ours, theirs] = [samples[OURS], samples[peer]];
    if (!ours || !theirs) continue;
    const ratio = median(theirs.slice(0, ours.length).map((t, i) => ours[i] / t));
    // Of a peer that does nothing at all, or needs nothing at all, there is none.
    if (!Number.isFinite(ratio)) continue;
    const target = row.targets[peer];
    ratios[peer] = target === undefined ? { ratio } : { ratio, target, met: met(ratio, target, row.better) };
  }
  const { name, what, unit, better, goal, point } = row;
  const { seconds } = plan.turn;
  const facts = { group: group.name, row: name, what, unit, better, goal, point };
  return { ...facts, figures, samples, ratios, missing, rounds, seconds };
}

/** A result as soon as it is there. */
export async function* run(groups: readonly Group[], plan: Plan): AsyncGenerator<Result> {
  for (const group of groups) {
    const rows = group.rows.filter((r) => !plan.rows || plan.rows.has(r.name));
    if (rows.length === 0) continue;
    const sides = new Sides(group, plan.turn);
    try {
      for (const row of rows) yield await measureRow(group, row, sides, plan);
    } finally {
      await sides.close();
    }
  }
}
