/** dpctl/*: one row a command, in the order in which dpctl/list-commands tells them. */
import type { ControlCommand } from '../../../control/unixctl.js';
import { conntrackCommands } from './conntrack.js';
import { flowCommands } from './flows.js';
import { normalizeCommand } from './normalize.js';
import { type PortDeps, portCommands } from './ports.js';
import { type DpctlCommand, dpctlControl } from './reply.js';

/** As ovs-dpctl(8) lists them. */
const ORDER: readonly string[] = [
  ...['add-dp', 'del-dp', 'add-if', 'del-if', 'set-if', 'dump-dps', 'show'],
  ...['dump-flows', 'add-flow', 'mod-flow', 'get-flow', 'del-flow', 'add-flows', 'mod-flows', 'del-flows'],
  ...['offload-stats-show', 'dump-conntrack', 'flush-conntrack', 'cache-get-size', 'cache-set-size', 'ct-stats-show'],
  ...['ct-bkts', 'ct-set-maxconns', 'ct-get-maxconns', 'ct-get-nconns', 'ct-enable-tcp-seq-chk'],
  ...['ct-disable-tcp-seq-chk', 'ct-get-tcp-seq-chk', 'ct-set-limits', 'ct-del-limits', 'ct-get-limits'],
  ...['ipf-set-enabled', 'ipf-set-disabled', 'ipf-set-min-frag', 'ipf-set-max-nfrags', 'ipf-get-status'],
  ...['list-commands', 'parse-actions', 'normalize-actions'],
];

export function dpctlCommands(deps: PortDeps): ControlCommand[] {
  const { core } = deps;
  const list: DpctlCommand = {
    name: 'list-commands',
    usage: '',
    min: 0,
    max: Number.POSITIVE_INFINITY,
    run(_args, _o, reply) {
      reply.line('The available commands are:');
      for (const c of all) reply.line(`  dpctl/${c.name.padEnd(23)} ${c.usage}`);
    },
  };
  const all = [...portCommands(deps), ...flowCommands(core), ...conntrackCommands(), list, normalizeCommand(core)];
  all.sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
  return all.map(dpctlControl);
}
