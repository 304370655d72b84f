/** Commands of the daemon's control socket. Names and texts are those of ovs-appctl(8); those of our own begin with `weft/`. */
import type { Bridge } from '../bridge/bridge.js';
import type { ControlCommand } from '../control/unixctl.js';
import { loadAddon } from '../datapath/driver/load.js';
import type { NativeDriver } from '../datapath/driver/native-driver.js';
import { DROP_REASONS } from '../datapath/drop-reasons.js';
import { UserError } from '../lib/errors.js';
import { DEFAULT_DESCRIPTION } from '../openflow/server/state.js';
import { absentCommands } from './commands/absent-commands.js';
import { bondCommands } from './commands/bond-commands.js';
import { bridgeCommands } from './commands/bridge-commands.js';
import { datapathCommands } from './commands/datapath-commands.js';
import { dpctlCommands } from './commands/dpctl/commands.js';
import { Lookups } from './commands/lookups.js';
import { shortcutCommands } from './commands/shortcut-commands.js';
import { traceCommand, tracePacketOutCommand } from './commands/trace-command.js';
import { tunnelCommands } from './commands/tunnel-commands.js';
import type { Core } from './core.js';
import type { Steering } from './steering/steering.js';

const TRACE_USAGE = '{[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet]';
const MANY = Number.POSITIVE_INFINITY;

function command(name: string, usage: string, min: number, max: number, run: ControlCommand['run']): ControlCommand {
  return { name, usage, min, max, run };
}

export function controlCommands(
  core: Core,
  dp: NativeDriver,
  steering: Steering,
  exit: (cleanup: boolean) => Promise<void>,
): ControlCommand[] {
  const bridge = (name: string): Bridge => {
    const found = core.bridges.get(name);
    if (!found) throw new UserError('no such bridge');
    return found;
  };
  const lookups = new Lookups(core, dp);
  return [
    command('version', '', 0, 0, () => `ovs-vswitchd (Open vSwitch) ${DEFAULT_DESCRIPTION.software}\nweft\n`),
    command('exit', '[--cleanup]', 0, 1, async ([word]) => {
      await exit(word === '--cleanup');
      return '';
    }),
    ...dpctlCommands({ core, dp, lookups }),
    // A switch without a database has none; the configurator puts others in their place.
    ...bondCommands({ views: () => [], choose() {} }),
    ...bridgeCommands(core),
    ...datapathCommands(core, dp, lookups, steering),
    ...absentCommands(core),
    ...tunnelCommands(core),
    command('ofproto/trace', TRACE_USAGE, 1, MANY, (args) => traceCommand(core, args)),
    command('ofproto/trace-packet-out', `[-consistent] ${TRACE_USAGE} actions`, 2, MANY, (args) =>
      tracePacketOutCommand(core, args),
    ),
    command('weft/workers', '', 0, 0, () => {
      const lines: string[] = [];
      for (let w = 0; w < dp.workers; w++) {
        const counters = Object.entries(dp.workerCounters(w)).map(([n, v]) => `  ${n}: ${v}\n`);
        lines.push(`worker ${w}:\n${counters.join('')}`);
      }
      return lines.join('');
    }),
    command('weft/ports', '', 0, 0, () =>
      [...core.devices()]
        .map(({ port }) => {
          const paths = dp.portPaths(port.vport);
          return paths ? `${port.name}: receives by ${paths.receive}; sends by ${paths.send}\n` : '';
        })
        .join(''),
    ),
    ...shortcutCommands(core, dp),
    command('weft/memory', '', 0, 0, memoryText),
    command('weft/counters', '', 0, 0, () => `${JSON.stringify(countersOf(core, dp))}\n`),
    command('weft/drops', '[bridge]', 0, 1, ([name]) =>
      dropsText(name === undefined ? [...core.bridges.values()] : [bridge(name)], dp),
    ),
  ];
}

/** How much memory of the native part is in pages of which kind. */
function memoryText(): string {
  const [plain, advised, reserved] = loadAddon()
    .heldMemory()
    .map((bytes) => (bytes / 2 ** 20).toFixed(1));
  return `plain pages: ${plain} MiB\nhuge pages asked for: ${advised} MiB\nreserved huge pages: ${reserved} MiB\n`;
}

/** Counters of every port by bridge and name; drops by the names of their reasons. */
function countersOf(core: Core, dp: NativeDriver): Record<string, Record<string, unknown>> {
  const out: Record<string, Record<string, unknown>> = {};
  for (const b of core.bridges.values()) {
    const of: Record<string, unknown> = {};
    for (const port of b.ports()) {
      if (port.vport === 0) continue;
      const { drops, ...rest } = dp.portCounters(port.vport);
      const named = drops.map((n, i) => [DROP_REASONS[i].name, n] as const).filter(([, n]) => n > 0);
      of[port.name] = { ...rest, drops: Object.fromEntries(named) };
    }
    out[b.name] = of;
  }
  return out;
}

/** What each port received, what became of it, and each reason with its sentence. */
function dropsText(bridges: readonly Bridge[], dp: NativeDriver): string {
  const out: string[] = [];
  for (const b of bridges) {
    for (const port of b.ports()) {
      if (port.vport === 0) continue;
      const c = dp.portCounters(port.vport);
      const dropped = c.drops.reduce((sum, n) => sum + n, 0);
      out.push(
        `${b.name} port ${port.name}: received ${c.rx_packets}, forwarded ${c.forwarded}, dropped ${dropped}, held ${c.held}\n`,
      );
      c.drops.forEach((n, i) => {
        if (n > 0) out.push(`  ${n} ${DROP_REASONS[i].name}: ${DROP_REASONS[i].sentence}\n`);
      });
    }
  }
  return out.join('');
}
