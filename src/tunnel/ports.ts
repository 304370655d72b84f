/**
 * Which tunnel port a packet belongs to. Many OpenFlow ports share one datapath port, the backer of their type and UDP port; what arrives there is told
 * apart by key and addresses, the more exactly configured port first, in the order of Open vSwitch: keys before remote addresses before local ones.
 */
import { formatIpv4, formatIpv6 } from '../lib/address.js';
import { get32, getBig, isZero } from '../lib/bytes.js';
import { K } from '../packet/key.js';
import { type TunnelConfig, TunnelFault } from './config.js';
import { ipText } from './underlay.js';

export interface TunnelEntry {
  readonly name: string;
  readonly config: TunnelConfig;
  /** Number of the backer. */
  readonly vport: number;
}

/** What a packet is compared with; '' and 'flow' stand for any. An IPv4 address and its mapped IPv6 form are different peers. A port takes
 * packets of its layer alone, or (ptap) any. */
function tuple(vport: number, key: string, remote: string, local: string, layer: TunnelConfig['layer']): string {
  return `${vport} ${key} ${remote} ${local} ${layer}`;
}

const keyText = (k: bigint | 'flow' | undefined): string => (k === 'flow' ? 'flow' : String(k ?? 0n));

export class TunnelPorts<E extends TunnelEntry> {
  private readonly entries = new Map<string, E>();
  /** By backer: whether its tunnels have the group policy extension, all or none. */
  private readonly policies = new Map<number, { readonly gbp: boolean; users: number }>();
  /** Grows when one comes or goes. */
  changes = 0;

  private tupleOf({ config, vport }: TunnelEntry): string {
    const { remote, local, inKey, layer } = config;
    return tuple(
      vport,
      keyText(inKey),
      remote === 'flow' ? 'flow' : ipText(remote),
      local === undefined ? '' : local === 'flow' ? 'flow' : ipText(local),
      layer,
    );
  }

  /**
   * Throws TunnelFault when another port takes the same packets, or reads the same headers otherwise: bits that are a group's policy to the one make a
   * malformed header to the other, and nothing but the UDP port could tell whose a packet is.
   */
  add(entry: E): void {
    const { gbp } = entry.config;
    const policy = this.policies.get(entry.vport) ?? { gbp, users: 0 };
    if (policy.gbp !== gbp) {
      const text = "VXLAN-GBP, and non-VXLAN-GBP tunnels can't be configured on the same dst_port";
      throw new TunnelFault(`${entry.name}: ${text}`);
    }
    const t = this.tupleOf(entry);
    const other = this.entries.get(t);
    if (other) throw new TunnelFault(`could not add network device ${entry.name} to ofproto (File exists)`);
    this.entries.set(t, entry);
    policy.users++;
    this.policies.set(entry.vport, policy);
    this.changes++;
  }

  remove(entry: E): void {
    if (!this.entries.delete(this.tupleOf(entry))) return;
    const policy = this.policies.get(entry.vport);
    if (policy && --policy.users === 0) this.policies.delete(entry.vport);
    this.changes++;
  }

  all(): Iterable<E> {
    return this.entries.values();
  }

  /** The port of a packet that came by a backer; `key` has what its tunnel said. */
  find(vport: number, key: Uint8Array): E | undefined {
    const v6 = isZero(key, K.tunSrc.offset, K.tunDst.offset + 4);
    const at = (four: number, six: number): string => (v6 ? formatIpv6(key, six) : formatIpv4(key, four));
    const remote = at(K.tunSrc.offset, K.tunIpv6Src.offset);
    const local = at(K.tunDst.offset, K.tunIpv6Dst.offset);
    const layer = get32(key, K.packetType.offset) === 0 ? 'legacy_l2' : 'legacy_l3';
    const id = String(getBig(key, K.tunId.offset, 8));
    for (const k of [id, 'flow']) {
      for (const r of [remote, 'flow']) {
        for (const l of [local, '', 'flow']) {
          const found =
            this.entries.get(tuple(vport, k, r, l, layer)) ?? this.entries.get(tuple(vport, k, r, l, 'ptap'));
          if (found) return found;
        }
      }
    }
    return undefined;
  }
}

/** Name of the datapath port behind tunnels of a sort, as Open vSwitch calls it. */
export function backerName({ kind, dstPort }: Pick<TunnelConfig, 'kind' | 'dstPort'>): string {
  if (kind === 'vxlan') return `vxlan_sys_${dstPort}`;
  if (kind === 'geneve') return `genev_sys_${dstPort}`;
  return kind === 'gre' ? 'gre_sys' : 'ip6gre_sys';
}
