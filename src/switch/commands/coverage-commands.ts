/** coverage/*, and where its figures are read: events of ours, under Open vSwitch's names where those mean the same. */
import type { ControlCommand, ControlServer } from '../../control/unixctl.js';
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import { DROP_REASONS } from '../../datapath/drop-reasons.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';
import type { Coverage, Totals } from '../coverage.js';
import type { UpcallGuard } from '../guard.js';

export function* eventTotals(core: Core, dp: NativeDriver, control: ControlServer, guard: UpcallGuard): Totals {
  const { counts, flows } = core.upcalls;
  yield ['dpif_port_add', core.portsAdded];
  yield ['dpif_port_del', core.portsRemoved];
  yield ['dpif_flow_put', flows.counts.installed + flows.counts.modified];
  yield ['dpif_flow_del', flows.counts.deleted];
  yield ['dpif_execute', counts.executed];
  yield ['handler_duplicate_upcall', flows.counts.duplicates];
  yield ['upcall_flow_limit_hit', flows.counts.full];
  yield ['upcall_mask_limit_hit', counts.excess];
  yield ['upcall_port_isolated', guard.isolations];
  yield ['upcall_precedent', counts.repeated];
  yield ['xlate_actions', counts.misses - counts.repeated + counts.retranslated + counts.executed];
  yield ['packet_in', counts.packetIns];
  yield ['tunnel_unresolved', counts.unresolved];
  yield ['revalidate_flow', counts.retranslated];
  yield ['unixctl_received', control.received];
  yield ['unixctl_replied', control.replied];
  const workers = Array.from({ length: dp.workersEver() }, (_, w) => dp.workerCounters(w));
  for (const name of [
    'packets',
    'recirculations',
    'upcalls',
    'upcalls_lost',
    'commands',
    'sleeps',
    'copies_dropped',
  ] as const) {
    yield [`datapath_${name}`, workers.reduce((n, c) => n + c[name], 0)];
  }
  const drops = DROP_REASONS.map(() => 0);
  let [fragments, tooBig] = [0, 0];
  const tunnels = [...core.underlay.backers.values()].map((b) => b.vport);
  const host = core.underlay.hostVport === 0 ? [] : [core.underlay.hostVport];
  for (const vport of [...core.dpPorts().map((p) => p.vport), ...tunnels, ...host]) {
    const counters = dp.portCounters(vport);
    fragments += counters.tnl_fragments;
    tooBig += counters.tnl_too_big;
    counters.drops.forEach((n, i) => {
      drops[i] += n;
    });
  }
  yield ['datapath_tunnel_fragments', fragments];
  yield ['datapath_tunnel_too_big', tooBig];
  for (const [i, reason] of DROP_REASONS.entries()) yield [`datapath_drop_${reason.name}`, drops[i]];
}

export function coverageCommands(coverage: Coverage): ControlCommand[] {
  return [
    { name: 'coverage/show', usage: '', min: 0, max: 0, run: () => coverage.text() },
    {
      name: 'coverage/read-counter',
      usage: 'COUNTER',
      min: 1,
      max: 1,
      run([name]) {
        const n = coverage.total(name);
        if (n === undefined) throw new UserError('No such counter');
        return `${n}\n`;
      },
    },
  ];
}
