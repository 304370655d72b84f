/** Commands on bridges and their addresses: bridge/*, fdb/*, ofproto/list. */
import { formatActions } from '../../action/list.js';
import type { Bridge } from '../../bridge/bridge.js';
import { fdbStatsText, fdbText } from '../../bridge/mac-table.js';
import type { ControlCommand } from '../../control/unixctl.js';
import { OFPP } from '../../flow/field.js';
import { formatMatch } from '../../flow/format-match.js';
import { expand } from '../../flow/match.js';
import { everyFlow } from '../../flowtable/flow-mod.js';
import { parseMac } from '../../lib/address.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';

const MAX_VLAN = 4095;

function macNumber(text: string): number {
  const mac = parseMac(text);
  if (!mac) throw new UserError('bad MAC address');
  return mac.reduce((n, byte) => n * 256 + byte, 0);
}

function vlanNumber(text: string): number {
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(n <= MAX_VLAN)) throw new UserError('bad VLAN');
  return n;
}

/** Every flow, those that users do not see too: a line each. */
function flowLines(bridge: Bridge, withOffload: boolean): string {
  const offload = withOffload ? 'n_offload_packets=0, n_offload_bytes=0, ' : '';
  const lines: string[] = [];
  for (const r of bridge.flows(everyFlow())) {
    const match = formatMatch(expand(r.match), { priority: undefined });
    const age = Math.floor((bridge.now() - r.created) / 1000);
    lines.push(
      `${r.table === 0 ? '' : `table_id=${r.table}, `}duration=${age}s, n_packets=${r.packets}, n_bytes=${r.bytes}, ${offload}` +
        `priority=${r.priority}${match ? `,${match}` : ''},actions=${formatActions(r.actions)}\n`,
    );
  }
  return lines.join('');
}

export function bridgeCommands(core: Core): ControlCommand[] {
  const bridge = (name: string, refusal = 'no such bridge'): Bridge => {
    const found = core.bridges.get(name);
    if (!found) throw new UserError(refusal);
    return found;
  };
  const some = (name: string | undefined): Bridge[] =>
    name === undefined ? [...core.bridges.values()] : [bridge(name)];
  return [
    {
      name: 'ofproto/list',
      usage: '',
      min: 0,
      max: 0,
      run: () => [...core.bridges.keys()].map((n) => `${n}\n`).join(''),
    },
    {
      name: 'bridge/dump-flows',
      usage: '[--offload-stats] bridge',
      min: 1,
      max: 2,
      run: (args) => {
        const withOffload = args[0] === '--offload-stats';
        const name = args.length > 1 && args[0].startsWith('-') ? args[1] : args[0];
        return flowLines(bridge(name, 'Unknown bridge'), withOffload);
      },
    },
    {
      name: 'fdb/show',
      usage: 'bridge',
      min: 1,
      max: 1,
      run([name]) {
        const b = bridge(name);
        return fdbText(b.macs, b.now(), (n) => (n === OFPP.local ? 'LOCAL' : String(n)));
      },
    },
    { name: 'fdb/stats-show', usage: 'bridge', min: 1, max: 1, run: ([name]) => fdbStatsText(name, bridge(name).macs) },
    {
      name: 'fdb/stats-clear',
      usage: '[bridge]',
      min: 0,
      max: 1,
      run([name]) {
        for (const b of some(name)) b.macs.clearCounts();
        return 'statistics successfully cleared\n';
      },
    },
    {
      name: 'fdb/flush',
      usage: '[bridge]',
      min: 0,
      max: 1,
      run([name]) {
        for (const b of some(name)) b.macs.flush();
        return 'table successfully flushed\n';
      },
    },
    {
      name: 'fdb/add',
      usage: 'bridge port vlan mac',
      min: 4,
      max: 4,
      run([name, portName, vlan, mac]) {
        const b = bridge(name);
        const port = b.portByName(portName);
        if (!port) throw new UserError(`there is no port named ${portName} on ${name}`);
        b.macs.addStatic(vlanNumber(vlan), macNumber(mac), port.number, b.now());
        return '';
      },
    },
    {
      name: 'fdb/del',
      usage: 'bridge vlan mac',
      min: 3,
      max: 3,
      run([name, vlan, mac]) {
        if (!bridge(name).macs.removeStatic(vlanNumber(vlan), macNumber(mac))) {
          throw new UserError('could not find static mac entry');
        }
        return '';
      },
    },
  ];
}
