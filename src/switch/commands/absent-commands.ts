/**
 * Commands on what weft does not have: spanning trees, aggregation, fault detection, multicast snooping, shaping. They say of every object what Open
 * vSwitch says where none is configured.
 */
import type { ControlCommand } from '../../control/unixctl.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';

/** Name, usage, what is said of all objects, and the fault when one is named; '': whatever is named is nothing. */
const ABSENT: readonly (readonly [name: string, usage: string, all: string, fault: string])[] = [
  ['stp/show', '[bridge]', '', 'no such stp object'],
  ['stp/tcn', '[bridge]', 'OK', 'no such stp object'],
  ['rstp/show', '[bridge]', '', 'No such RSTP object'],
  ['rstp/tcn', '[bridge]', 'OK', 'No such RSTP object'],
  ['lacp/show', '[port]', '', 'no such lacp object'],
  ['lacp/show-stats', '[port]', '', 'no such lacp object'],
  ['cfm/show', '[interface]', '', 'no such CFM object'],
  ['bfd/show', '[interface]', '', 'no such bfd object'],
  ['autoattach/status', '[bridge]', '', ''],
  ['autoattach/show-isid', '[bridge]', '', ''],
  ['autoattach/statistics', '[bridge]', '', ''],
];

/** "[interface] normal|false|true": of all there are none. */
const FAULTS: readonly (readonly [name: string, fault: string])[] = [
  ['cfm/set-fault', 'no such CFM object'],
  ['bfd/set-forwarding', 'no such BFD object'],
];

export function absentCommands(core: Core): ControlCommand[] {
  const port = (name: string): void => {
    for (const b of core.bridges.values()) if (b.portByName(name)) return;
    throw new UserError('no such interface');
  };
  const one = (name: string, usage: string, run: (argument: string) => string): ControlCommand => ({
    name,
    usage,
    min: 1,
    max: 1,
    run: ([argument]) => run(argument),
  });
  const snooping = (name: string): never => {
    throw new UserError(core.bridges.has(name) ? 'multicast snooping is disabled' : 'no such bridge');
  };
  return [
    ...ABSENT.map(
      ([name, usage, all, fault]): ControlCommand => ({
        name,
        usage,
        min: 0,
        max: 1,
        run([of]) {
          if (of !== undefined && fault !== '') throw new UserError(fault);
          return all;
        },
      }),
    ),
    ...FAULTS.map(
      ([name, fault]): ControlCommand => ({
        name,
        usage: '[interface] normal|false|true',
        min: 1,
        max: 2,
        run(args) {
          if (!/^(normal|false|true)$/i.test(args[args.length - 1])) throw new UserError('unknown fault string');
          if (args.length > 1) throw new UserError(fault);
          return 'OK';
        },
      }),
    ),
    one('mdb/show', 'bridge', snooping),
    {
      name: 'mdb/flush',
      usage: '[bridge]',
      min: 0,
      max: 1,
      run: ([name]) => (name === undefined ? 'table successfully flushed' : snooping(name)),
    },
    one('qos/show', 'interface', (name) => {
      port(name);
      return `QoS not configured on ${name}\n`;
    }),
    one('qos/show-types', 'interface', (name) => {
      port(name);
      return `No QoS types supported for interface: ${name}\n`;
    }),
    {
      name: 'memory/show',
      usage: '',
      min: 0,
      max: 0,
      run() {
        const bridges = [...core.bridges.values()];
        const ports = bridges.reduce((n, b) => n + [...b.ports()].length, 0);
        const rules = bridges.reduce((n, b) => n + b.tables.size, 0);
        const keys = core.upcalls.flows.all.length;
        return `handlers:1 ports:${ports} revalidators:1 rules:${rules}${keys === 0 ? '' : ` udpif keys:${keys}`}\n`;
      },
    },
  ];
}
