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
import { type Assignment, assign, coresOf, type Queue, sums } from './assign.js';
import { Balancer, balanceNews } from './balance.js';
import { affinityOf, type SteeringSettings, steeringSettings } from './settings.js';
import { INTERVAL_MS, Usage } from './usage.js';

/** What is asked of the datapath. */
export type Steerable = Pick<
  NativeDriver,
  'workers' | 'place' | 'queuesOf' | 'portCounters' | 'portsPause' | 'steer' | 'workerCounters' | 'queueCycles'
>;

export interface SteeringDeps {
  readonly dp: Steerable;
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
  private readonly balancer: Balancer;

  constructor(private readonly deps: SteeringDeps) {
    const { dp } = deps;
    this.balancer = new Balancer(deps.log);
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
      const before = this.settings;
      this.settings = steeringSettings(this.config, this.processors, (t) => this.sayOnce(t));
      const { assign: how, balance } = this.settings;
      if (how !== before.assign) this.deps.log(`Rxq to PMD assignment mode changed to: '${how}'.`);
      for (const news of balanceNews(before.balance, balance)) this.deps.log(news);
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
      this.balancer.reset();
      this.deps.log(`workers on ${cores.map((c) => (c < 0 ? 'any processor' : `processor ${c}`)).join(', ')}`);
    }
    if (what === 'all' && moves.length > 0)
      this.deps.log(`Performing pmd to rx queue assignment using ${this.settings.assign} algorithm.`);
    for (const m of moves)
      this.tell(
        m,
        queues.find((q) => q.vport === m.vport && q.queue === m.queue),
      );
  }

  private tell({ worker }: QueueMove, q: Queue | undefined): void {
    if (!q) return;
    const how = q.pinned === this.coreOf(worker) ? 'is pinned with' : 'assigned';
    const cost = this.settings.assign === 'roundrobin' ? '' : ` (measured processing cycles ${Math.round(q.cycles)})`;
    const core = String(this.coreOf(worker)).padStart(2);
    this.deps.log(`Core ${core} on numa node 0 ${how} port '${q.port}' rx queue ${q.queue}${cost}.`);
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

  private balance(): void {
    const { assign: how, balance } = this.settings;
    if (!balance.on || how === 'roundrobin') return this.balancer.reset();
    const workers = this.shown().filter((w) => !this.isolated.has(w));
    const owners = (queues: readonly Queue[]) => queues.map((q) => this.deps.dp.queuesOf(q.vport)[q.queue]);
    const shares = (queues: readonly Queue[]) => queues.map((q) => this.usage.queueShare(q) ?? 0);
    const queues = this.queues();
    const due = this.balancer.look(balance, {
      workers,
      last: (w) => this.usage.workerShare(w, 1) ?? 0,
      mostQueues: () => Math.max(...workers.map((w) => this.queuesOf(w).length)),
      now: () => sums(shares(queues), owners(queues), workers),
      planned: () => sums(shares(queues), this.plan(queues, this.cores, 'all').workers, workers),
    });
    if (due) void this.rebalance();
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
