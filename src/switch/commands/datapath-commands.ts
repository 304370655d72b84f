/** Commands on the datapath as Open vSwitch's tools know it, those of a family in files of their own; here dpif/*. */
import type { ControlCommand } from '../../control/unixctl.js';
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import { OFPP } from '../../flow/field.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';
import { bridgeFlowLines } from '../datapath-text.js';
import type { Steering } from '../steering/steering.js';
import { featureCommands } from './feature-commands.js';
import type { LookupCounts, Lookups } from './lookups.js';
import { pmdCommands } from './pmd-commands.js';

const lines = (all: readonly string[]): string => all.map((l) => `${l}\n`).join('');

function show(core: Core, { hit, missed }: LookupCounts): string {
  if (core.bridges.size === 0) return '';
  const out = [`${core.datapathName}: hit:${hit} missed:${missed}`];
  for (const bridge of [...core.bridges.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    out.push(`  ${bridge.name}:`);
    for (const port of [...bridge.ports()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const number = port.number === OFPP.local ? 65534 : port.number;
      out.push(`    ${port.name} ${number}/${port.vport || 'none'}: (${core.describe(port.name)})`);
    }
  }
  return lines(out);
}

/** Flows whose packets come in by a port of the bridge. */
function ofBridge(core: Core, name: string, verbose: boolean, names: boolean): string {
  const bridge = core.bridges.get(name);
  if (!bridge) throw new UserError('no such bridge');
  const own = new Set([...bridge.ports()].filter((p) => p.vport !== 0).map((p) => p.vport));
  return lines(bridgeFlowLines(core, own, verbose, names));
}

export function datapathCommands(core: Core, dp: NativeDriver, lookups: Lookups, steering: Steering): ControlCommand[] {
  return [
    { name: 'dpif/show', usage: '', min: 0, max: 0, run: () => show(core, lookups.counts()) },
    {
      name: 'dpif/dump-flows',
      usage: '[-m] [--names | --no-names] bridge',
      min: 1,
      max: Number.POSITIVE_INFINITY,
      run(args) {
        const flags = args.slice(0, -1);
        const verbose = flags.includes('-m');
        const names = flags.findLast((f) => f === '--names' || f === '--no-names');
        return ofBridge(core, args[args.length - 1], verbose, names === undefined ? verbose : names === '--names');
      },
    },
    {
      name: 'dpif/dump-dps',
      usage: '',
      min: 0,
      max: 0,
      run: () => lines([...core.bridges.values()].map((b) => `${core.datapathType(b)}@${b.name}`).sort()),
    },
    ...featureCommands(core),
    ...pmdCommands(core, dp, steering),
  ];
}
