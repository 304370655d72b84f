/** Switches between two hosts: ours, Open vSwitch in its forms, the kernel's bridge, a bare loop. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { WEFT } from '../../test/support/live.js';
import { scratch } from './files.js';
import { BRIDGE, Hosts } from './hosts.js';
import { Daemon, must } from './programs.js';
import { Missing, OURS, type Side } from './row.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** How ports come to the hosts: veth pairs whose outer ends are the switch's, the same by AF_XDP, or devices that the switch makes. */
export type Ports = 'veth' | 'xdp' | 'tap';

const TYPES: Readonly<Record<Ports, string>> = { veth: 'system', xdp: 'afxdp', tap: 'tap' };

export const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

/** Node reads the certificates that NODE_EXTRA_CA_CERTS names before anything else, 38 ms for a system's: that is the machine's setting, not the switch. */
export function environment(dir: string): NodeJS.ProcessEnv {
  const own = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir, WEFT_RUNDIR: dir };
  return { ...process.env, ...own, NODE_EXTRA_CA_CERTS: undefined };
}

const names = (hosts: Hosts): string[] => hosts.hosts.map((_, i) => `p${i + 1}`);
const add = (hosts: Hosts, type: string): string[] =>
  names(hosts).flatMap((p, i) => {
    const set = ['set', 'interface', p, `type=${type}`, `ofport_request=${i + 1}`];
    return ['--', 'add-port', BRIDGE, p, '--', ...set];
  });

interface OvsForm {
  /** Columns of Open_vSwitch. */
  readonly settings: readonly string[];
  readonly type: string;
  /** Without it no TCP passes where the switch cannot finish checksums. */
  readonly plain: boolean;
}

async function ovs(hosts: Hosts, ports: Ports, form: OvsForm): Promise<void> {
  const missing = needPrograms(OVS_PROGRAMS);
  if (missing) throw new Missing(missing);
  const dir = mkdtempSync(join(scratch(), 'ovs-'));
  const env = environment(dir);
  must(env, 'ovsdb-tool', 'create', join(dir, 'conf.db'), SCHEMA);
  const start = (program: string, ...args: string[]): Daemon => {
    const quiet = ['--no-chdir', '--pidfile', '--log-file', '-vconsole:off', '-vsyslog:off'];
    return hosts.ends(new Daemon(hosts.middle, env, program, ...args, ...quiet));
  };
  const db = start('ovsdb-server', join(dir, 'conf.db'), `--remote=punix:${dir}/db.sock`);
  await db.ready(() => existsSync(join(dir, 'db.sock')), 'ovsdb-server');
  const vsctl = (...args: string[]) => must(env, 'ovs-vsctl', '--timeout=20', `--db=unix:${dir}/db.sock`, ...args);
  vsctl('--retry', '--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.', ...form.settings);
  const sw = start('ovs-vswitchd', `unix:${dir}/db.sock`);
  if (ports !== 'tap') hosts.wire(form.plain);
  vsctl('add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, 'datapath_type=netdev', ...add(hosts, form.type));
  if (ports === 'tap') hosts.move(names(hosts));
  await hosts.pass([sw.pid], env);
}

async function weft(hosts: Hosts, ports: Ports): Promise<void> {
  const dir = mkdtempSync(join(scratch(), 'weft-'));
  const env = environment(dir);
  const words = [process.execPath, WEFT, 'switchd', '--rundir', dir, '--bridge', `${BRIDGE}=${names(hosts)}`];
  words.push(...names(hosts).flatMap((p) => ['--port', `${p}:type=${TYPES[ports]}`]));
  if (ports !== 'tap') hosts.wire(false);
  const sw = hosts.ends(new Daemon(hosts.middle, env, ...words));
  await sw.ready(() => sw.output.includes('weft: ready'), 'weft switchd');
  if (ports === 'tap') hosts.move(names(hosts));
  await hosts.pass([sw.pid], env);
}

async function bridge(hosts: Hosts): Promise<void> {
  hosts.wire(false);
  hosts.inMiddle('ip', 'link', 'add', BRIDGE, 'type', 'bridge');
  for (const d of names(hosts)) hosts.inMiddle('ip', 'link', 'set', d, 'master', BRIDGE);
  hosts.inMiddle('ip', 'link', 'set', BRIDGE, 'up');
  await hosts.pass([]);
}

/** Nobody looks at the frames: native/bench/tap_bench.cc. */
async function bare(hosts: Hosts, ports: Ports, way: 'whole' | 'uring'): Promise<void> {
  if (ports !== 'tap') throw new Missing('the bare loop is between two TAPs');
  const built = spawnSync(join(ROOT, 'scripts/bench-native.sh'), ['--build', 'tap'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Missing(`bench-native.sh tap: ${built.stderr.slice(0, 200)}`);
  const devices = names(hosts);
  const loop = hosts.ends(new Daemon(hosts.middle, process.env, join(ROOT, 'build/bench/tap'), ...devices, way));
  await loop.ready(() => loop.output.includes('ready'), 'the bare loop');
  hosts.move(devices);
  await hosts.pass([loop.pid]);
}

const TSO = 'other_config:userspace-tso-enable=true';

/** By name; the prefix is that of the side's namespaces. */
const JOINS: Readonly<Record<string, (hosts: Hosts, ports: Ports) => Promise<void>>> = {
  [OURS]: weft,
  ovs: (h, p) =>
    ovs(h, p, { settings: ['other_config:peer=1'], type: p === 'tap' ? 'internal' : 'system', plain: true }),
  'ovs-tso': (h, p) => ovs(h, p, { settings: [TSO], type: p === 'tap' ? 'internal' : 'system', plain: false }),
  'ovs-afxdp': (h, p) => ovs(h, p, { settings: ['other_config:peer=1'], type: 'afxdp', plain: true }),
  bridge,
  'bare-loop': (h, p) => bare(h, p, 'whole'),
  'bare-uring': (h, p) => bare(h, p, 'uring'),
};

export function switchBetween(name: string, ports: Ports, count = 2): Side<Hosts> {
  return {
    name,
    async open() {
      const hosts = new Hosts(`b${ports[0]}${count}${Object.keys(JOINS).indexOf(name)}`, count);
      try {
        await JOINS[name](hosts, ports);
        return hosts;
      } catch (e) {
        await hosts.close();
        throw e;
      }
    },
  };
}
