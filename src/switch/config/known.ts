/**
 * What the database may say, and whether it has an effect: one row a column, or a key of a map. What has none yet is told once in the log, by the
 * bridge or port that wants it; docs/compatibility.md lists the same rows (a test compares). A key that nobody knows is told with the nearest that
 * somebody does: it is most often a slip of the pen, and a database takes any.
 */

import { VPORT_KINDS } from '../../vport/kinds.js';

/** Keys of a map column. "*" ends a family of keys. */
export interface Keys {
  readonly applied: readonly string[];
  /** Accepted, without effect yet. */
  readonly later: readonly string[];
}

export interface TableWords {
  /** Columns without effect yet. */
  readonly later: readonly string[];
  readonly maps: Readonly<Record<string, Keys>>;
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

export const WORDS: Readonly<Record<string, TableWords>> = {
  Open_vSwitch: {
    later: [],
    maps: {
      other_config: {
        applied:
          words(`stats-update-interval flow-restore-wait vlan-limit kernel-shortcuts pmd-cpu-mask pmd-rxq-assign pmd-rxq-isolate pmd-auto-lb
          pmd-auto-lb-rebal-interval pmd-auto-lb-load-threshold pmd-auto-lb-improvement-threshold`),
        later:
          words(`flow-limit max-idle max-revalidator min-revalidate-pps hw-offload n-offload-threads tc-policy dpdk-* pmd-perf-metrics pmd-maxsleep vhost-*
          per-port-memory shared-mempool-config tx-flush-interval smc-enable n-handler-threads n-revalidator-threads emc-insert-inv-prob
          bundle-idle-timeout offload-rebalance userspace-tso-enable enable-statistics private_key certificate ca_cert ipsec_skb_mark`),
      },
    },
  },
  Bridge: {
    later: words('stp_enable rstp_enable mcast_snooping_enable netflow sflow ipfix auto_attach'),
    maps: {
      other_config: {
        applied: words('datapath-id dp-desc dp-sn hwaddr forward-bpdu mac-aging-time mac-table-size disable-in-band'),
        later: words('in-band-queue controller-queue-size stp-* rstp-* mcast-snooping-*'),
      },
    },
  },
  Port: {
    later: words('qos bond_updelay bond_downdelay bond_fake_iface'),
    maps: {
      other_config: {
        applied: words('qinq-ethtype priority-tags transient bond-primary'),
        later: words('bond-* lb-output-action all-members-active lacp-* stp-* rstp-* mcast-snooping-*'),
      },
    },
  },
  Interface: {
    later: words(
      'ingress_policing_rate ingress_policing_burst ingress_policing_kpkts_rate ingress_policing_kpkts_burst cfm_mpid bfd lldp',
    ),
    maps: {
      other_config: {
        applied: ['pmd-rxq-affinity'],
        later:
          words(`cfm_interval cfm_extended cfm_demand cfm_opstate cfm_ccm_vlan cfm_ccm_pcp lacp-port-id lacp-port-priority
          lacp-aggregation-key tx-steering emc-enable`),
      },
    },
  },
  Controller: {
    later: words('connection_mode local_ip local_netmask local_gateway enable_async_messages controller_queue_size'),
    maps: { other_config: { applied: [], later: ['dscp'] } },
  },
};

function listed(key: string, list: readonly string[]): boolean {
  return list.some((k) => (k.endsWith('*') ? key.startsWith(k.slice(0, -1)) : k === key));
}

/** Is anything said in a column? Numbers of zero are as good as nothing. */
function isSaid(value: unknown): boolean {
  if (value === undefined || value === false || value === 0 || value === '') return false;
  if (value instanceof Map) return value.size > 0;
  return !Array.isArray(value) || value.length > 0;
}

/** Sentences about a row, beginning with `who`. */
export function remarks(table: string, row: object, who: string): string[] {
  const known = WORDS[table];
  const out: string[] = [];
  for (const [column, value] of Object.entries(row)) {
    if (known.later.includes(column) && isSaid(value)) out.push(`${who}: ${column} has no effect yet`);
    const keys = known.maps[column];
    if (!keys || !(value instanceof Map)) continue;
    for (const key of value.keys()) {
      if (typeof key !== 'string' || listed(key, keys.applied)) continue;
      if (listed(key, keys.later)) out.push(`${who}: ${column}:${key} has no effect yet`);
      else out.push(`${who}: ${column}:${key} is unknown${hint(key, [...keys.applied, ...keys.later])}`);
    }
  }
  return out;
}

/** Sentences about options that a type of interface does not have. None where the type itself is unknown: that is told as an error. */
export function unknownKeys(type: string, options: Readonly<Record<string, string>> = {}): string[] {
  const kind = VPORT_KINDS.find((k) => k.type === type);
  if (!kind) return [];
  const unknown = Object.keys(options).filter((k) => !kind.options.includes(k));
  return unknown.map((k) => `options:${k} is unknown to type ${type}${hint(k, kind.options)}`);
}

/** "; did you mean mac-table-size?", or nothing where nothing is near. */
export function hint(key: string, known: readonly string[]): string {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(key.length / 3)) + 1;
  for (const k of known) {
    if (k.endsWith('*')) continue;
    const d = distance(key, k);
    if (d < least) [best, least] = [k, d];
  }
  return best === undefined ? '' : `; did you mean ${best}?`;
}

/** Letters to be put in, taken out or changed to get from one word to another. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
