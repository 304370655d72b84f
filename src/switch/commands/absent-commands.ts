/**
 * Commands on what weft does not have: spanning trees, aggregation, fault detection, multicast snooping, shaping, tracked connections. They say of every object
 * what Open vSwitch says where none is configured.
 */
import type { ControlCommand } from '../../control/unixctl.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';

/** Name, usage, what is said of all objects, and of one that is named. */
const ABSENT: readonly (readonly [string, string, string, string])[] = [
  ['stp/show', '[bridge]', '', 'no such stp object'],
  ['stp/tcn', '[bridge]', '', 'no such stp object'],
  ['rstp/show', '[bridge]', '', 'No such RSTP object'],
  ['rstp/tcn', '[bridge]', '', 'No such RSTP object'],
  ['lacp/show', '[port]', '', 'no such lacp object'],
  ['lacp/show-stats', '[port]', '', 'no such lacp object'],
  ['cfm/show', '[interface]', '', 'no such CFM object'],
  ['bfd/show', '[interface]', '', 'no such bfd object'],
  ['autoattach/status', '[bridge]', '', ''],
  ['autoattach/show-isid', '[bridge]', '', ''],
  ['autoattach/statistics', '[bridge]', '', ''],
  ['ofproto/list-tunnels', '', '', ''],
];

export function absentCommands(core: Core): ControlCommand[] {
  const port = (name: string): void => {
    for (const b of core.bridges.values()) if (b.portByName(name)) return;
    throw new UserError('no such interface');
  };
  return [
    ...ABSENT.map(
      ([name, usage, all, one]): ControlCommand => ({
        name,
        usage,
        min: 0,
        max: usage === '' ? 0 : 4,
        run(args) {
          if (args.length > 0 && one !== '') throw new UserError(one);
          return all;
        },
      }),
    ),
    {
      name: 'mdb/show',
      usage: 'bridge',
      min: 1,
      max: 1,
      run([name]) {
        throw new UserError(core.bridges.has(name) ? 'multicast snooping is disabled' : 'no such bridge');
      },
    },
    {
      name: 'qos/show',
      usage: 'interface',
      min: 1,
      max: 1,
      run([name]) {
        port(name);
        return `QoS not configured on ${name}\n`;
      },
    },
    {
      name: 'qos/show-types',
      usage: 'interface',
      min: 1,
      max: 1,
      run([name]) {
        port(name);
        return `No QoS types supported for interface: ${name}\n`;
      },
    },
    {
      name: 'memory/show',
      usage: '',
      min: 0,
      max: 0,
      run() {
        const bridges = [...core.bridges.values()];
        const ports = bridges.reduce((n, b) => n + [...b.ports()].length, 0);
        const rules = bridges.reduce((n, b) => n + b.tables.size, 0);
        return `handlers:1 ports:${ports} revalidators:1 rules:${rules} udpif keys:${core.upcalls.flows.all.length}\n`;
      },
    },
  ];
}
