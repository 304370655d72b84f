/** The daemon itself: until it is ready, what it holds, and what it uses when nothing happens. */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { WEFT } from '../../test/support/live.js';
import { Dpdk } from '../lib/dpdk.js';
import { scratch } from '../lib/files.js';
import type { Hosts } from '../lib/hosts.js';
import { Daemon, must } from '../lib/programs.js';
import { group, Missing, OURS, type Session, type Side, type Turn } from '../lib/row.js';
import { environment, SCHEMA, switchBetween } from '../lib/switches.js';

/** Compilers and collectors of a fresh program are done by then. */
const REST_MS = 3000;
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

interface Watched extends Session {
  /** Milliseconds until a configuration is applied. */
  start(turn: Turn): Promise<number>;
  /** Megabytes of a fresh one. */
  resident(turn: Turn): Promise<number>;
  /** Milliseconds a second, with two ports. */
  idle(turn: Turn): Promise<number>;
}

/** Starts programs in a fresh folder; each is done when the next may come. */
type Start = (dir: string, env: NodeJS.ProcessEnv, started: Daemon[]) => Promise<void>;

function addBridge(dir: string, env: NodeJS.ProcessEnv): void {
  const words = ['add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev'];
  must(env, 'ovs-vsctl', `--db=unix:${dir}/db.sock`, '--timeout=20', ...words);
}

const STARTS: Readonly<Record<string, Start>> = {
  async [OURS](dir, env, started) {
    started.push(new Daemon('', env, process.execPath, WEFT, 'switchd'));
    await started[0].ready(() => existsSync(join(dir, 'db.sock')), 'weft switchd');
    addBridge(dir, env);
  },
  async ovs(dir, env, started) {
    const quiet = ['--no-chdir', '--pidfile', '-vconsole:off', '-vfile:off', '-vsyslog:off'];
    must(env, 'ovsdb-tool', 'create', join(dir, 'conf.db'), SCHEMA);
    started.push(new Daemon('', env, 'ovsdb-server', join(dir, 'conf.db'), `--remote=punix:${dir}/db.sock`, ...quiet));
    await started[0].ready(() => existsSync(join(dir, 'db.sock')), 'ovsdb-server');
    must(env, 'ovs-vsctl', `--db=unix:${dir}/db.sock`, '--retry', '--no-wait', 'init');
    started.push(new Daemon('', env, 'ovs-vswitchd', `unix:${dir}/db.sock`, ...quiet));
    addBridge(dir, env);
  },
};

async function fresh<T>(name: string, use: (started: readonly Daemon[], ms: number) => T | Promise<T>): Promise<T> {
  const missing = needPrograms(OVS_PROGRAMS);
  if (missing) throw new Missing(missing);
  const dir = mkdtempSync(join(scratch(), 'daemon-'));
  const started: Daemon[] = [];
  const from = performance.now();
  try {
    await STARTS[name](dir, environment(dir), started);
    return await use(started, performance.now() - from);
  } finally {
    for (const d of started.reverse()) await d.close();
  }
}

const megabytes = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

function program(name: string): Side<Watched> {
  return {
    name,
    async open(turn) {
      let hosts: Hosts | undefined;
      return {
        start: () => fresh(name, (_, ms) => ms),
        resident: () =>
          fresh(name, async (started) => {
            await sleep(REST_MS);
            return started.reduce((sum, d) => sum + megabytes(d.pid), 0);
          }),
        async idle(t) {
          if (!hosts) {
            hosts = await switchBetween(name, 'veth').open(turn);
            await sleep(3 * REST_MS);
          }
          return hosts.processor('idle', t);
        },
        close: () => hosts?.close(),
      };
    },
  };
}

const dpdk: Side<Watched> = {
  name: 'ovs-dpdk',
  async open(turn) {
    const peer = new Dpdk(turn);
    const only = async (): Promise<number> => {
      throw new Missing('only its use of a processor is measured');
    };
    return { start: only, resident: only, idle: () => peer.measure('idle'), close: () => peer.close() };
  },
};

export const daemon = group<Watched>({
  name: 'daemon',
  what: 'the daemon and its database',
  sides: [program(OURS), program('ovs'), dpdk],
  rows: [
    {
      name: 'start-up',
      what: 'from the start of the programs until a bridge is there, ovs-vsctl included',
      unit: 'ms',
      better: 'lower',
      targets: { ovs: 1 },
      measure: (s, turn) => s.start(turn),
    },
    {
      name: 'resident',
      what: 'memory of a fresh switch with a bridge',
      unit: 'MB',
      better: 'lower',
      exact: true,
      targets: { ovs: 1 },
      measure: (s, turn) => s.resident(turn),
    },
    {
      name: 'processor-idle',
      what: 'processor time of a switch with two ports and no traffic',
      unit: 'ms/s',
      better: 'lower',
      targets: { 'ovs-dpdk': 0.02, ovs: undefined },
      measure: (s, turn) => s.idle(turn),
    },
  ],
});
