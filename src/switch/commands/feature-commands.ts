/** dpif/show-dp-features and dpif/set-dp-features: what the datapath can do, a row each. */
import type { ControlCommand } from '../../control/unixctl.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';

type Value = boolean | number;

/** Word of set-dp-features, sentence of show-dp-features, and what is so here. */
const FEATURES: readonly (readonly [name: string, title: string, has: Value | ((core: Core) => Value)])[] = [
  ['masked_set_action', 'Masked set action', true],
  ['tnl_push_pop', 'Tunnel push pop', false],
  ['ufid', 'Ufid', true],
  ['trunc', 'Truncate action', true],
  ['clone', 'Clone action', true],
  ['sample_nesting', 'Sample nesting', 10],
  ['ct_eventmask', 'Conntrack eventmask', false],
  ['ct_clear', 'Conntrack clear', false],
  ['max_hash_alg', 'Max dp_hash algorithm', 1],
  ['check_pkt_len', 'Check pkt length action', true],
  ['ct_timeout', 'Conntrack timeout policy', false],
  ['explicit_drop_action', 'Explicit Drop action', true],
  ['lb_output_action', 'Optimized Balance TCP mode', false],
  ['ct_zero_snat', 'Conntrack all-zero IP SNAT', false],
  ['add_mpls', 'MPLS Label add', true],
  ['max_vlan_headers', 'Max VLAN headers', (core) => core.vlans.probed],
  ['max_mpls_depth', 'Max MPLS depth', 3],
  ['recirc', 'Recirc', true],
  ['ct_state', 'CT state', false],
  ['ct_zone', 'CT zone', false],
  ['ct_mark', 'CT mark', false],
  ['ct_label', 'CT label', false],
  ['ct_state_nat', 'CT state NAT', false],
  ['ct_orig_tuple', 'CT orig tuple', false],
  ['ct_orig_tuple6', 'CT orig tuple for IPv6', false],
  ['nd_ext', 'IPv6 ND Extension', false],
];

const yes = (v: Value): string => (typeof v === 'boolean' ? (v ? 'Yes' : 'No') : String(v));

export function featureCommands(core: Core): ControlCommand[] {
  const known = (name: string): void => {
    if (!core.bridges.has(name)) throw new UserError('no such bridge');
  };
  const values = () =>
    FEATURES.map(([name, title, has]) => [name, title, typeof has === 'function' ? has(core) : has] as const);
  return [
    {
      name: 'dpif/show-dp-features',
      usage: 'bridge',
      min: 1,
      max: 1,
      run([bridge]) {
        known(bridge);
        return values()
          .map(([, title, v]) => `${title}: ${yes(v)}\n`)
          .join('');
      },
    },
    {
      name: 'dpif/set-dp-features',
      usage: 'bridge',
      min: 1,
      max: 3,
      run([bridge, field, wanted]) {
        known(bridge);
        const rows = values().filter(([name]) => field === undefined || name === field);
        if (rows.length === 0) return 'Unexpected support field\n';
        if (wanted === undefined) {
          return rows.map(([name, title, v]) => `${name} (${title}) : [run time]:${v}, [boot time]:${v}\n`).join('');
        }
        const [[, , has]] = rows;
        if (typeof has === 'boolean') {
          if (wanted !== 'true' && wanted !== 'false') return 'Boolean value expected\n';
          if ((wanted === 'true') === has) return '';
        } else {
          if (!/^\d+$/.test(wanted)) return 'Integer number expected\n';
          if (Number(wanted) === has) return '';
        }
        return 'Can not set value beyond the datapath capability\n';
      },
    },
  ];
}
