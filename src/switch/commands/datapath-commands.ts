/** Commands on the datapath as Open vSwitch's tools know it: dpif/*, dpif-netdev/*, upcall/*, revalidator/*, parts of dpctl/*. */
import type { ControlCommand } from '../../control/unixctl.js';
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import { OFPP } from '../../flow/field.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';
import { DATAPATH_NAME, datapathFlowLines } from '../datapath-text.js';

/** What the datapath can do, in the words of dpif/show-dp-features. */
const FEATURES: readonly (readonly [string, (core: Core) => string])[] = [
  ['Masked set action', () => 'Yes'],
  ['Tunnel push pop', () => 'No'],
  ['Ufid', () => 'Yes'],
  ['Truncate action', () => 'Yes'],
  ['Clone action', () => 'Yes'],
  ['Sample nesting', () => '10'],
  ['Conntrack eventmask', () => 'No'],
  ['Conntrack clear', () => 'No'],
  ['Max dp_hash algorithm', () => '1'],
  ['Check pkt length action', () => 'Yes'],
  ['Conntrack timeout policy', () => 'No'],
  ['Explicit Drop action', () => 'Yes'],
  ['Optimized Balance TCP mode', () => 'No'],
  ['Conntrack all-zero IP SNAT', () => 'No'],
  ['MPLS Label add', () => 'Yes'],
  ['Max VLAN headers', (core) => String([...core.bridges.values()][0]?.maxVlans ?? 1)],
  ['Max MPLS depth', () => '3'],
  ['Recirc', () => 'Yes'],
  ['CT state', () => 'No'],
  ['CT zone', () => 'No'],
  ['CT mark', () => 'No'],
  ['CT label', () => 'No'],
  ['CT state NAT', () => 'No'],
  ['CT orig tuple', () => 'No'],
  ['CT orig tuple for IPv6', () => 'No'],
  ['IPv6 ND Extension', () => 'No'],
];

const lines = (all: readonly string[]): string => all.map((l) => `${l}\n`).join('');

function show(core: Core, dp: NativeDriver): string {
  const counters = workers(dp);
  const hit = counters.reduce((n, c) => n + c.microflow_hits + c.megaflow_hits, 0);
  const missed = counters.reduce((n, c) => n + c.misses, 0);
  const out = [`${DATAPATH_NAME}: hit:${hit} missed:${missed}`];
  for (const bridge of [...core.bridges.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    out.push(`  ${bridge.name}:`);
    for (const port of [...bridge.ports()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const number = port.number === OFPP.local ? 65534 : port.number;
      out.push(`    ${port.name} ${number}/${port.vport || 'none'}: (${core.describe(port.name)})`);
    }
  }
  return lines(out);
}

function workers(dp: NativeDriver): ReturnType<NativeDriver['workerCounters']>[] {
  return Array.from({ length: dp.workers }, (_, w) => dp.workerCounters(w));
}

const ratio = (a: number, b: number): string => (b === 0 ? '0.00' : (a / b).toFixed(2));

/** Our workers in the form of OVS's PMD threads. */
function pmdStats(dp: NativeDriver): string {
  return workers(dp)
    .map((c, w) =>
      lines([
        `pmd thread numa_id 0 core_id ${w}:`,
        `  packets received: ${c.packets}`,
        `  packet recirculations: ${c.recirculations}`,
        `  avg. datapath passes per packet: ${ratio(c.packets + c.recirculations, c.packets)}`,
        '  phwol hits: 0',
        '  mfex opt hits: 0',
        '  simple match hits: 0',
        `  emc hits: ${c.microflow_hits}`,
        '  smc hits: 0',
        `  megaflow hits: ${c.megaflow_hits}`,
        `  avg. subtable lookups per megaflow hit: ${ratio(c.subtable_lookups, c.megaflow_hits)}`,
        `  miss with success upcall: ${c.misses - c.upcalls_lost}`,
        `  miss with failed upcall: ${c.upcalls_lost}`,
        `  avg. packets per output batch: ${ratio(c.packets, c.batches)}`,
        ...cycles(c.idle_cycles, c.busy_cycles, c.packets),
      ]),
    )
    .join('');
}

function cycles(idle: number, busy: number, packets: number): string[] {
  const all = idle + busy;
  if (all === 0) return [];
  const share = (n: number): string => `${((100 * n) / all).toFixed(2)}%`;
  const out = [`  idle cycles: ${idle} (${share(idle)})`, `  processing cycles: ${busy} (${share(busy)})`];
  if (packets === 0) return out;
  return [
    ...out,
    `  avg cycles per packet: ${ratio(all, packets)} (${all}/${packets})`,
    `  avg processing cycles per packet: ${ratio(busy, packets)} (${busy}/${packets})`,
  ];
}

function upcalls(core: Core, dp: NativeDriver, maxFlows: number): string {
  const now = core.upcalls.flows.all.length;
  return lines([
    `${DATAPATH_NAME}:`,
    `  flows         : (current ${now}) (avg ${now}) (max ${now}) (limit ${maxFlows})`,
    '  dump duration : 1ms',
    '  ufid enabled : true',
    '',
    ...Array.from({ length: dp.workers }, (_, w) => `  ${w}: (keys ${w === 0 ? now : 0})`),
  ]);
}

/** True when at least one port of the bridge has a part in the flow. */
function ofBridge(core: Core, name: string, verbose: boolean, names: boolean): string {
  const bridge = core.bridges.get(name);
  if (!bridge) throw new UserError('no such bridge');
  const own = new Set([...bridge.ports()].filter((p) => p.vport !== 0).map((p) => (names ? p.name : String(p.vport))));
  const inPort = /\bin_port\(([^)]*)\)/;
  return lines(datapathFlowLines(core, verbose, names).filter((l) => own.has(inPort.exec(l)?.[1] ?? '')));
}

export function datapathCommands(core: Core, dp: NativeDriver, maxFlows: number): ControlCommand[] {
  const quiet = (run: () => void) => () => {
    run();
    return '';
  };
  return [
    { name: 'dpif/show', usage: '', min: 0, max: 0, run: () => show(core, dp) },
    {
      name: 'dpif/dump-flows',
      usage: '[-m] [--names | --no-names] bridge',
      min: 1,
      max: 3,
      run(args) {
        const flags = args.slice(0, -1);
        const verbose = flags.includes('-m');
        return ofBridge(
          core,
          args[args.length - 1],
          verbose,
          flags.includes('--names') || (verbose && !flags.includes('--no-names')),
        );
      },
    },
    {
      name: 'dpif/dump-dps',
      usage: '',
      min: 0,
      max: 0,
      run: () => lines([...core.bridges.keys()].sort().map((n) => `netdev@${n}`)),
    },
    {
      name: 'dpif/show-dp-features',
      usage: 'bridge',
      min: 1,
      max: 1,
      run([name]) {
        if (!core.bridges.has(name)) throw new UserError('no such bridge');
        return lines(FEATURES.map(([what, has]) => `${what}: ${has(core)}`));
      },
    },
    { name: 'dpif-netdev/pmd-stats-show', usage: '[-pmd core] [dp]', min: 0, max: 3, run: () => pmdStats(dp) },
    { name: 'upcall/show', usage: '', min: 0, max: 0, run: () => upcalls(core, dp, maxFlows) },
    // Flows are judged in the turn in which something changed: there is nothing to wait for but that turn.
    { name: 'revalidator/wait', usage: '', min: 0, max: 0, run: quiet(() => void core.settle()) },
    { name: 'revalidator/purge', usage: '', min: 0, max: 0, run: quiet(() => core.upcalls.removeAll()) },
    { name: 'revalidator/pause', usage: null, min: 0, max: 0, run: quiet(() => core.pause(true)) },
    { name: 'revalidator/resume', usage: null, min: 0, max: 0, run: quiet(() => core.pause(false)) },
  ];
}
