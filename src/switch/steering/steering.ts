/**
 * Receive steering: which processors have workers, and which receive queues go to which of them, as settings and measurements say.
 *
 * A move: the ports are paused, what is held of them is decided and sent (a few milliseconds at most), then the queues change hands while all workers
 * stand still (native/worker/steer.cc). So nothing is lost and nothing overtakes; what arrives meanwhile waits in the kernel. One move at a time; what is
 * asked for during one is done after it.
 */
import { loadAddon } from '../../datapath/driver/load.js';
import type { NativeDriver, QueueMove } from '../../datapath/driver/native-driver.js';
import type { Clock } from '../../lib/clock.js';
import type { Core } from '../core.js';
import { type Assignment, assign, coresOf, type Queue, variance } from './assign.js';
import { affinityOf, type SteeringSettings, steeringSettings } from './settings.js';
import { INTERVAL_MS, Usage } from './usage.js';

export interface SteeringDeps {
  readonly dp: NativeDriver;
  readonly clock: Clock;
  /** Ports that may have receive queues. */
  readonly ports: () => Iterable<{ readonly vport: number; readonly name: string }>;
  /** Undefined: workers have no processors, and nothing is measured. */
  readonly machine?: {
    /** Those that the program may use. */
    processors(): readonly number[];
    /** A processor's clock. */
    cycles(): number;
  };
  readonly log: (text: string) => void;
}

/** A decision takes microseconds. What is held longer waits for something else, and the port is not kept waiting for it. */
const QUIET_TRIES = 50;
const MINUTE_MS = 60_000;

export class Steering {
  readonly usage: Usage;
  private settings: SteeringSettings;
  private config: ReadonlyMap<string, string> = new Map();
  /** Core by queue, by name of port. */
  private affinity: ReadonlyMap<string, ReadonlyMap<number, number>> = new Map();
  private affinityText = '';
  /** Processor of each worker; -1: any. */
  private cores: readonly number[];
  private readonly initial: number;
  private readonly said = new Set<string>();
  private isolated: ReadonlySet<number> = new Set();
  private running: Promise<void> | undefined;
  private again: 'all' | 'faults' | undefined;
  private cancel: () => void = () => {};
  private readonly processors: readonly number[];
  private sinceBalance = 0;
  /** Workers that had too much to do in each interval since the last look at the balance. */
  private overloaded: Set<number> | undefined;

  constructor(private readonly deps: SteeringDeps) {
    const { dp } = deps;
    this.initial = dp.workers;
    this.cores = Array.from({ length: dp.workers }, () => -1);
    this.processors = deps.machine?.processors() ?? [];
    this.settings = steeringSettings(this.config, this.processors, () => {});
    dp.place = (_, queues) => this.place(queues);
    this.usage = new Usage(
      dp,
      () => this.queueIds(),
      () => deps.machine?.cycles() ?? 0,
    );
    this.usage.forget();
    if (deps.machine) this.cancel = this.lookLater();
  }

  close(): void {
    this.cancel();
  }

  /** Settings as the database has them, and affinities of ports. Resolves when they are in force. */
  async configure(config: ReadonlyMap<string, string>, affinities: Iterable<readonly [string, string]>): Promise<void> {
    const pairs = [...affinities].sort(([a], [b]) => (a < b ? -1 : 1));
    const text = JSON.stringify(pairs);
    const pmd = [...config].filter(([key]) => key.startsWith('pmd-'));
    const same = text === this.affinityText && JSON.stringify(pmd) === JSON.stringify([...this.config]);
    this.affinityText = text;
    this.config = new Map(pmd);
    this.affinity = new Map(
      pairs.map(([name, list]) => [name, affinityOf(list, (t) => this.sayOnce(`${name}: ${t}`))]),
    );
    if (!same) {
      this.said.clear();
      this.settings = steeringSettings(this.config, this.processors, (t) => this.sayOnce(t));
    }
    await this.run(same ? 'faults' : 'all');
  }

  /** All queues are dealt out anew. */
  rebalance(): Promise<void> {
    return this.run('all');
  }

  /** Number by which tools know a worker: its processor's. */
  coreOf(worker: number): number {
    const core = this.cores[worker] ?? -1;
    return core >= 0 ? core : worker;
  }

  /** Workers in the order in which they are shown. */
  shown(): number[] {
    return this.cores.map((_, w) => w).sort((a, b) => this.coreOf(a) - this.coreOf(b));
  }

  isIsolated(worker: number): boolean {
    return this.isolated.has(worker);
  }

  /** Those of a worker, by ports. */
  queuesOf(worker: number): Queue[] {
    return this.queues().filter((q) => this.deps.dp.queuesOf(q.vport)[q.queue] === worker);
  }

  /** A new port's: to those that have fewest, of those that may be given any. */
  private place(queues: number): number[] {
    const counts = this.cores.map(() => 0);
    for (const q of this.queueIds()) counts[this.deps.dp.queuesOf(q.vport)[q.queue]]++;
    const all = this.shown();
    const free = all.filter((w) => !this.isolated.has(w));
    const among = free.length > 0 ? free : all;
    return Array.from({ length: queues }, () => {
      const best = among.reduce((a, b) => (counts[b] < counts[a] ? b : a));
      counts[best]++;
      return best;
    });
  }

  private *queueIds(): Iterable<{ vport: number; queue: number; port: string }> {
    for (const { vport, name } of this.deps.ports())
      for (let queue = 0; queue < this.deps.dp.queuesOf(vport).length; queue++) yield { vport, queue, port: name };
  }

  private queues(): Queue[] {
    return [...this.queueIds()].map((q) => {
      const pinned = this.affinity.get(q.port)?.get(q.queue);
      return { ...q, cycles: this.usage.cyclesOf(q), ...(pinned === undefined ? {} : { pinned }) };
    });
  }

  private wantedCores(): number[] {
    const { processors } = this.settings;
    return processors ? coresOf(this.cores, processors) : Array.from({ length: this.initial }, () => -1);
  }

  private plan(queues: readonly Queue[], cores: readonly number[], what: 'all' | 'faults'): Assignment {
    const numbers = cores.map((core, w) => (core >= 0 ? core : w));
    const best = assign(queues, numbers, this.settings.assign, this.settings.isolate);
    if (what === 'all') return best;
    // Only what must not stay moves: pinned queues, and others from isolated workers.
    const now = queues.map((q) => this.deps.dp.queuesOf(q.vport)[q.queue]);
    const stays = (q: Queue, i: number) =>
      now[i] < cores.length &&
      (q.pinned === undefined || !numbers.includes(q.pinned) ? !best.isolated.has(now[i]) : now[i] === best.workers[i]);
    return { ...best, workers: queues.map((q, i) => (stays(q, i) ? now[i] : best.workers[i])) };
  }

  private async run(what: 'all' | 'faults'): Promise<void> {
    if (this.again !== 'all') this.again = what;
    this.running ??= this.moveAll().finally(() => {
      this.running = undefined;
    });
    await this.running;
  }

  private async moveAll(): Promise<void> {
    while (this.again) {
      const what = this.again;
      this.again = undefined;
      await this.move(what);
    }
  }

  private async move(what: 'all' | 'faults'): Promise<void> {
    const { dp } = this.deps;
    const cores = this.wantedCores();
    const queues = this.queues();
    const plan = this.plan(queues, cores, what);
    for (const fault of plan.faults) this.sayOnce(fault);
    this.isolated = plan.isolated;
    const moves: QueueMove[] = [];
    queues.forEach(({ vport, queue }, i) => {
      if (dp.queuesOf(vport)[queue] !== plan.workers[i]) moves.push({ vport, queue, worker: plan.workers[i] });
    });
    const sameCores = cores.length === this.cores.length && cores.every((c, w) => c === this.cores[w]);
    if (moves.length === 0 && sameCores) return;
    const vports = [...new Set(moves.map((m) => m.vport))];
    dp.portsPause(vports);
    await this.quiet(vports);
    const loose = dp.steer(cores, moves);
    this.cores = cores;
    for (const w of loose) this.deps.log(`worker ${w} could not be put on processor ${cores[w]}`);
    if (!sameCores) {
      this.usage.forget();
      this.deps.log(`workers on ${cores.map((c) => (c < 0 ? 'any processor' : `processor ${c}`)).join(', ')}`);
    }
    for (const m of moves) {
      const name = queues.find((q) => q.vport === m.vport)?.port;
      this.deps.log(`Core ${String(this.coreOf(m.worker)).padStart(2)} assigned port '${name}' rx queue ${m.queue}.`);
    }
  }

  /** Resolves when nothing of these ports is on its way. */
  private async quiet(vports: readonly number[]): Promise<void> {
    for (let tries = 0; tries < QUIET_TRIES; tries++) {
      if (vports.every((v) => this.deps.dp.portCounters(v).held === 0)) return;
      await new Promise<void>((resolve) => this.deps.clock.after(1, resolve));
    }
  }

  private lookLater(): () => void {
    return this.deps.clock.after(INTERVAL_MS, () => {
      this.usage.look();
      this.balance();
      this.cancel = this.lookLater();
    });
  }

  /** Queues are dealt out anew when a worker had too much to do all the while, and that would help. */
  private balance(): void {
    const { on, interval, load, improvement } = this.settings.balance;
    const free = this.shown().filter((w) => !this.isolated.has(w));
    if (!on || this.settings.assign === 'roundrobin' || free.length < 2) {
      this.sinceBalance = 0;
      this.overloaded = undefined;
      return;
    }
    const now = new Set(free.filter((w) => (this.usage.workerShare(w, 1) ?? 0) >= load));
    this.overloaded = new Set([...(this.overloaded ?? now)].filter((w) => now.has(w)));
    this.sinceBalance += INTERVAL_MS;
    if (this.sinceBalance < interval * MINUTE_MS) return;
    const worth = [...this.overloaded].some((w) => this.queuesOf(w).length > 1);
    this.sinceBalance = 0;
    this.overloaded = undefined;
    if (!worth) return;
    const queues = this.queues();
    const before = variance(
      queues,
      queues.map((q) => this.deps.dp.queuesOf(q.vport)[q.queue]),
      free,
    );
    const after = variance(queues, this.plan(queues, this.cores, 'all').workers, free);
    const gain = before === 0 ? 0 : Math.max(0, (100 * (before - after)) / before);
    this.deps.log(`PMD auto load balance: variance of loads would shrink by ${gain.toFixed(0)}%`);
    if (gain >= improvement) void this.rebalance();
  }

  private sayOnce(text: string): void {
    if (this.said.has(text)) return;
    this.said.add(text);
    this.deps.log(text);
  }
}

/** Of a switch. Where devices are played, workers are, too: they have no processors. */
export function steeringOf(core: Core, dp: NativeDriver, clock: Clock, log: (text: string) => void): Steering {
  const machine = core.hasDummies ? {} : { machine: loadAddon() };
  return new Steering({ dp, clock, log, ports: () => core.dpPorts(), ...machine });
}
