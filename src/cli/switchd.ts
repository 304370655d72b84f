import { parseArgs } from 'node:util';
import type { VlanMode, VlanSpec } from '../bridge/vlan.js';
import { loadAddon } from '../datapath/driver/load.js';
import { UserError } from '../lib/errors.js';
import { aboutSystem } from '../switch/config/about.js';
import { Configurator } from '../switch/config/configurator.js';
import type { DummyMode } from '../switch/config/ports.js';
import { databaseRemotes } from '../switch/config/remotes.js';
import type { ControllerOptions } from '../switch/controllers.js';
import { Daemon, type NamedPort, PROGRAM } from '../switch/daemon.js';
import type { EmbeddedDatabase } from '../switch/embedded-database.js';
import { runDirectory } from '../switch/of-sockets.js';
import { RealClock } from '../switch/real-clock.js';
import { Tls } from '../switch/tls.js';
import { vlogCommands } from '../switch/vlog/commands.js';
import { CONTROLLER_OPTIONS, CONTROLLER_USAGE, parseControllers, parseTls } from './switchd/controllers.js';
import { findDatabase } from './switchd/database.js';
import { makeVlog } from './switchd/log.js';
import { becomeUser, dropCapabilities } from './switchd/privileges.js';
import {
  becomeProcess,
  isDetached,
  letGo,
  processOptionNames,
  takeProcessOptions,
  tellStarter,
} from './switchd/process.js';
import { versionText } from './usage.js';

const USAGE = `usage: weft switchd [OPTION...] [DATABASE]
Runs a switch until SIGTERM or SIGINT. DATABASE is an Open_vSwitch database that says what the switch is to be: unix:PATH, tcp:HOST[:PORT]
or ssl:HOST[:PORT] (with -p, -c, -C), several joined by commas are tried in turn. Without one it is the server at RUNDIR/db.sock, or if none is there the
switch's own, in a file; with --bridge there is none, and the options below say what the switch is.

  --bridge NAME=PORT,...  a bridge and its ports, numbered from 1 in this order; may be repeated. A port is an existing device
                          (veth, NIC), or else a TAP that weft makes. A bridge begins with the flow priority=0,actions=NORMAL
  --port NAME:KEY=VALUE,...  settings of a port named in a --bridge: type (system, afxdp, internal, tap, null, pcap, patch), tag,
                          trunks (VLANs joined by +), vlan_mode, number; any other key is an option of its type (peer, rx_pcap, ...)
${CONTROLLER_USAGE}  --rundir DIR            where sockets are made (default $WEFT_RUNDIR, $OVS_RUNDIR, /var/run/openvswitch)
  --dbdir DIR             where the switch's own database is kept, as conf.db (default $WEFT_DBDIR, $OVS_DBDIR, else with a run directory of its own
                          there, else /etc/openvswitch)
  --workers N             worker threads (default 1); ports are dealt out to them in turn
  --enable-dummy[=override|system]  for tests: devices of type dummy, and internal ones of a bridge with datapath_type dummy, exist in the switch
                          only; with system those of type system as well, with override all. ovs-appctl netdev-dummy/* and time/* drive them
  --busy                  workers never sleep
  --huge-pages            memory of caches and buffers in huge pages, reserved ones where there are enough; weft/memory says what they became
  --no-microflow          megaflow cache only
  --vlan-limit N          VLAN tags that matches see: 1 (default) or 2
  --accept-ct             take flows with the action ct, which are refused without this: connections are not tracked yet, a packet that comes to one
                          is dropped. Pipelines like OVN's have such flows also where no packet needs them
  --max-flows N           datapath flows at most (default 200000)

  --detach                go into the background when all is set up; --no-chdir stays in this directory
  --monitor               a second process starts the switch again when it dies of a fault
  --pidfile=FILE          a second file with the process number (the first is RUNDIR/ovs-vswitchd.pid)
  --log-file[=FILE]       write the log to a file ($OVS_LOGDIR or /var/log/openvswitch, ovs-vswitchd.log)
  -v[SPEC], --verbose[=SPEC]  levels of the log: words for a module, a destination (console, file, syslog) and a level
                          (off, emer, err, warn, info, dbg), or PATTERN:DESTINATION:PATTERN
  --syslog-method=METHOD  how syslog messages go: libc (default), unix:FILE, udp:IP:PORT, null
  --syslog-target=HOST:PORT  where they go besides, by UDP
  --user=USER[:GROUP]     become that user, with the capabilities that ports need (not those of other namespaces)
  --unixctl=SOCKET        the control socket
`;

export async function main(args: readonly string[], program: string): Promise<number> {
  const say = (line: string): void => {
    if (isDetached()) tellStarter(line);
    else process.stderr.write(line);
  };
  let daemon: Daemon | undefined;
  let configurator: Configurator | undefined;
  let embedded: EmbeddedDatabase | undefined;
  try {
    const { options: own, rest } = takeProcessOptions(args);
    const options = parse(rest);
    if (options === 'help' || options === 'version') {
      process.stdout.write(options === 'help' ? USAGE : versionText(program));
      return 0;
    }
    if (own.user !== undefined) becomeUser(own.user);
    const status = await becomeProcess({ name: PROGRAM, args }, own, (text) =>
      makeVlog(own, say).logger('daemon')(text, 'err'),
    );
    if (status !== undefined) return status;
    const vlog = makeVlog(own, say);
    const log = vlog.logger('bridge');
    dropCapabilities(vlog.logger('daemon'));
    const ended = new Promise<void>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
    });
    const { pidFile, unixctl } = own;
    loadAddon().wantHugePages(options.hugePages);
    daemon = new Daemon({
      ...options,
      dummies: options.dummies !== 'off',
      log,
      commands: vlogCommands(vlog),
      pidFile,
      unixctl,
    });
    await daemon.start();
    for (const b of options.bridges) {
      const bridge = await daemon.addLearningBridge(b.name, b.above);
      // Numbers that were asked for are taken first, so that none of them goes to another port.
      const asked = b.ports.filter((p) => p.number !== undefined);
      const others = b.ports.filter((p) => p.number === undefined);
      for (const p of [...asked, ...others]) daemon.addNamedPort(bridge, p);
    }
    let remote = options.database;
    if (remote === undefined && options.bridges.length === 0 && daemon.runDir !== undefined) {
      const { runDir } = daemon;
      // The database's time goes on, whatever tests do with the switch's.
      const clock = new RealClock();
      const tls = new Tls(() => must(configurator).tls.files);
      const found = await findDatabase({ clock, runDir, dbDir: options.dbDir, tls, log });
      remote = found.remote;
      embedded = found.own;
    }
    if (remote !== undefined) {
      const remotes = databaseRemotes(remote, options.tls);
      const { dummies, tls } = options;
      const about = aboutSystem();
      const own = new Configurator(daemon, { remotes, log, dummies, tls, about });
      configurator = own;
      if (daemon.bed) daemon.bed.report = () => own.told();
      await Promise.race([configurator.ready, ended, daemon.ending.asked]);
    }
    if (!isDetached()) process.stdout.write('weft: ready\n');
    if (isDetached()) vlog.console = undefined;
    letGo(own);
    const cleanup = await Promise.race([ended, daemon.ending.asked]);
    await configurator?.close();
    if (cleanup === true) await daemon.cleanUp();
    embedded?.close();
    await daemon.close();
    return 0;
  } catch (e) {
    const known = e instanceof UserError || (e instanceof Error && 'code' in e);
    await configurator?.close();
    embedded?.close();
    await daemon?.close();
    if (!known) throw e;
    say(`${program}: ${e.message}\n`);
    return 1;
  }
}

/** What ssl needs is known once the database was read. */
function must(configurator: Configurator | undefined): Configurator {
  if (!configurator) throw new UserError('the database was not read yet');
  return configurator;
}

interface Options {
  bridges: { name: string; ports: NamedPort[]; above?: ControllerOptions }[];
  runDir?: string;
  workers: number;
  busy: boolean;
  hugePages: boolean;
  microflow: boolean;
  maxVlans: 1 | 2;
  takesCt: boolean;
  maxFlows?: number;
  database?: string;
  dbDir?: string;
  dummies: DummyMode;
  tls?: Tls;
}

const OPTIONS = {
  bridge: { type: 'string', multiple: true },
  port: { type: 'string', multiple: true },
  ...CONTROLLER_OPTIONS,
  rundir: { type: 'string' },
  dbdir: { type: 'string' },
  workers: { type: 'string' },
  busy: { type: 'boolean' },
  'huge-pages': { type: 'boolean' },
  'no-microflow': { type: 'boolean' },
  'vlan-limit': { type: 'string' },
  'accept-ct': { type: 'boolean' },
  'max-flows': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

/** Every option, with "=" where it takes a value. */
export function optionNames(): string[] {
  const own = Object.entries(OPTIONS).map(([name, o]) => `--${name}${o.type === 'string' ? '=' : ''}`);
  return [...own, '--enable-dummy', ...processOptionNames()];
}

/** The one option whose value may be left out. */
const DUMMY = /^--enable-dummy(?:=(.*))?$/;

function parse(args: readonly string[]): Options | 'help' | 'version' {
  const dummies = args.map((a) => DUMMY.exec(a)).filter((m) => m !== null);
  const { values: v, positionals } = parseArgs({
    args: args.filter((a) => !DUMMY.test(a)),
    allowPositionals: true,
    options: OPTIONS,
  });
  if (v.help) return 'help';
  if (v.version) return 'version';
  if (positionals.length > 1) throw new UserError(`at most one database, not also "${positionals[1]}"`);
  const settings = new Map<string, NamedPort>();
  for (const [name, port] of (v.port ?? []).map((text) => parsePort(text))) {
    if (settings.has(name)) throw new UserError(`--port ${name} is given twice: join the settings with commas`);
    settings.set(name, port);
  }
  const above = parseControllers(v, v.rundir ?? runDirectory());
  const bridges = (v.bridge ?? []).map((text) => {
    const m = /^([^=,\s]{1,15})(?:=(.*))?$/.exec(text);
    if (!m) throw new UserError(`--bridge takes NAME=PORT,PORT..., not "${text}"`);
    const names = (m[2] ?? '').split(',').filter(Boolean);
    return {
      name: m[1],
      above: above.get(m[1]),
      ports: names.map((name) => {
        const port = settings.get(name) ?? { name };
        settings.delete(name);
        return port;
      }),
    };
  });
  for (const name of above.keys()) {
    if (!bridges.some((b) => b.name === name))
      throw new UserError(`--controller, --fail-mode or --protocols ${name}: no such --bridge`);
  }
  for (const name of settings.keys()) throw new UserError(`--port ${name}: no --bridge names this port`);
  return {
    bridges,
    runDir: v.rundir,
    database: positionals[0],
    dbDir: v.dbdir,
    tls: parseTls(v),
    dummies: dummyMode(dummies.map((m) => m[1])),
    workers: whole('workers', v.workers, 1, 1, 64),
    busy: v.busy ?? false,
    hugePages: v['huge-pages'] ?? false,
    microflow: !v['no-microflow'],
    maxVlans: whole('vlan-limit', v['vlan-limit'], 1, 1, 2) === 2 ? 2 : 1,
    takesCt: v['accept-ct'] ?? false,
    maxFlows: v['max-flows'] === undefined ? undefined : whole('max-flows', v['max-flows'], 0, 1, 4_000_000),
  };
}

function dummyMode(said: readonly (string | undefined)[]): DummyMode {
  const last = said.at(-1);
  if (said.length === 0) return 'off';
  return last === 'override' || last === 'system' ? last : 'type';
}

function whole(name: string, text: string | undefined, otherwise: number, min: number, max: number): number {
  const n = text === undefined ? otherwise : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(n >= min && n <= max)) {
    throw new UserError(`--${name} must be a whole number from ${min} to ${max}, not "${text}"`);
  }
  return n;
}

const VLAN_MODES: readonly string[] = ['access', 'trunk', 'native-tagged', 'native-untagged', 'dot1q-tunnel'];

function parsePort(text: string): [string, NamedPort] {
  const m = /^([^:,=\s]{1,15}):(.*)$/.exec(text);
  if (!m) throw new UserError(`--port takes NAME:KEY=VALUE,..., not "${text}"`);
  const values = new Map<string, string>();
  for (const pair of m[2].split(',').filter(Boolean)) {
    const at = pair.indexOf('=');
    if (at < 1) throw new UserError(`--port ${m[1]}: "${pair}" is not KEY=VALUE`);
    values.set(pair.slice(0, at), pair.slice(at + 1));
  }
  const take = (key: string) => {
    const value = values.get(key);
    values.delete(key);
    return value;
  };
  const mode = take('vlan_mode');
  if (mode !== undefined && !VLAN_MODES.includes(mode)) {
    throw new UserError(`--port ${m[1]}: vlan_mode must be one of ${VLAN_MODES.join(', ')}`);
  }
  const vid = (value: string) => whole(`port ${m[1]}: VLAN`, value, 0, 0, 4095);
  const tag = take('tag');
  const trunks = take('trunks');
  const number = take('number');
  const vlan: VlanSpec = {
    vlanMode: mode as VlanMode | undefined,
    tag: tag === undefined ? undefined : vid(tag),
    trunks: trunks?.split('+').map(vid),
  };
  const port: NamedPort = {
    name: m[1],
    type: take('type'),
    number: number === undefined ? undefined : whole(`port ${m[1]}: number`, number, 0, 1, 65279),
    vlan,
    options: Object.fromEntries(values),
  };
  return [m[1], port];
}
