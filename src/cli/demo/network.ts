/**
 * The demo's network: two switches joined by a VXLAN tunnel over a veth, four hosts in two VLANs, and the flows of the switches.
 *
 *     h1 (VLAN 10) ─┐                        ┌─ h3 (VLAN 10)
 *                   s1 ────── VXLAN ──────── s2
 *     h2 (VLAN 20) ─┘                        └─ h4 (VLAN 20)
 *
 * Both switches route between the VLANs: the gateway's MAC is the same everywhere, and its ARP requests are answered by a flow.
 */
export interface DemoHost {
  readonly name: string;
  readonly sw: 's1' | 's2';
  readonly vlan: 10 | 20;
  readonly ip: string;
  readonly mac: string;
  /** OpenFlow port on its switch. */
  readonly port: 1 | 2;
}

function host(n: 1 | 2 | 3 | 4): DemoHost {
  const vlan = n % 2 === 1 ? 10 : 20;
  return {
    name: `h${n}`,
    sw: n <= 2 ? 's1' : 's2',
    vlan,
    ip: `10.0.${vlan}.${n}`,
    mac: `02:00:00:00:00:0${n}`,
    port: n % 2 === 1 ? 1 : 2,
  };
}

export const HOSTS: readonly DemoHost[] = [host(1), host(2), host(3), host(4)];
export const TRUNK_PORT = 3;
export const GATEWAY_MAC = '02:00:00:00:ff:fe';
export const DENIED_PORT = 2323;
export const gateway = (vlan: number) => `10.0.${vlan}.254`;

const hex = (ip: string) =>
  `0x${ip
    .split('.')
    .map((b) => Number(b).toString(16).padStart(2, '0'))
    .join('')}`;
const macHex = (mac: string) => `0x${mac.replaceAll(':', '')}`;

/** Tables: 0 which VLAN, 1 what is allowed, 2 routing, 3 where it goes. */
export function flowsOf(sw: 's1' | 's2'): string[] {
  const flows: string[] = [];
  const here = HOSTS.filter((h) => h.sw === sw);
  for (const h of here) {
    flows.push(`table=0,priority=10,in_port=${h.port},vlan_tci=0x0000,actions=mod_vlan_vid:${h.vlan},resubmit(,1)`);
  }
  flows.push(`table=0,priority=10,in_port=${TRUNK_PORT},vlan_tci=0x1000/0x1000,actions=resubmit(,1)`);
  flows.push(`table=1,priority=100,tcp,tp_dst=${DENIED_PORT},actions=drop`);
  flows.push('table=1,priority=0,actions=resubmit(,2)');
  for (const vlan of [10, 20]) {
    flows.push(
      `table=2,priority=100,arp,dl_vlan=${vlan},arp_op=1,arp_tpa=${gateway(vlan)},actions=` +
        'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],' +
        `mod_dl_src:${GATEWAY_MAC},load:2->NXM_OF_ARP_OP[],` +
        'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],' +
        `load:${macHex(GATEWAY_MAC)}->NXM_NX_ARP_SHA[],load:${hex(gateway(vlan))}->NXM_OF_ARP_SPA[],strip_vlan,IN_PORT`,
    );
  }
  for (const h of HOSTS) {
    flows.push(
      `table=2,priority=50,ip,dl_dst=${GATEWAY_MAC},nw_dst=${h.ip},actions=` +
        `dec_ttl,mod_dl_src:${GATEWAY_MAC},mod_dl_dst:${h.mac},mod_vlan_vid:${h.vlan},resubmit(,3)`,
    );
  }
  flows.push('table=2,priority=0,actions=resubmit(,3)');
  for (const h of HOSTS) {
    const out = h.sw === sw ? `strip_vlan,output:${h.port}` : `output:${TRUNK_PORT}`;
    flows.push(`table=3,priority=20,dl_vlan=${h.vlan},dl_dst=${h.mac},actions=${out}`);
  }
  for (const h of here) {
    flows.push(
      `table=3,priority=10,dl_vlan=${h.vlan},dl_dst=ff:ff:ff:ff:ff:ff,actions=output:${TRUNK_PORT},strip_vlan,output:${h.port}`,
    );
  }
  return flows;
}
