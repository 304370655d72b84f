/** Tunnels in the words of Open vSwitch: what dpif/show and ofproto/list-tunnels say of a port. */
import { isZero } from '../lib/bytes.js';
import { DEFAULT_TTL, defaultPort, type TunnelConfig } from './config.js';
import { ipText } from './underlay.js';

const hex = (n: number | bigint): string => (BigInt(n) === 0n ? '0' : `0x${n.toString(16)}`);
const end = (a: Uint8Array | 'flow' | undefined): string =>
  a === undefined ? '::' : a === 'flow' ? 'flow' : a.length === 16 && isZero(a) ? '::' : ipText(a);

/** "vxlan: key=5, remote_ip=1.2.3.4": what differs from the defaults, by name. */
export function configText(c: TunnelConfig): string {
  const said = new Map<string, string>();
  const put = (name: string, value: unknown): void => {
    if (value !== undefined) said.set(name, String(value));
  };
  put('remote_ip', end(c.remote));
  if (c.local !== undefined) put('local_ip', end(c.local));
  if (c.inKey !== undefined && c.inKey === c.outKey) put('key', c.inKey);
  else {
    put('in_key', c.inKey);
    put('out_key', c.outKey);
  }
  if (c.ttl !== DEFAULT_TTL) put('ttl', c.ttl);
  if (c.tos !== 0) put('tos', c.tos === 'inherit' ? c.tos : hex(c.tos));
  if (c.dstPort !== defaultPort(c)) put('dst_port', c.dstPort);
  if (c.csum) put('csum', true);
  if (c.seq) put('seq', true);
  if (!c.df) put('df_default', false);
  if (c.layer !== 'legacy_l2') put('packet_type', c.layer);
  put('egress_pkt_mark', c.egressMark);
  return `${c.kind}: ${[...said.keys()]
    .sort()
    .map((k) => `${k}=${said.get(k)}`)
    .join(', ')}`;
}

/** The same of the datapath port behind tunnels. */
export function backerText(c: Pick<TunnelConfig, 'kind' | 'dstPort'>): string {
  const port = c.dstPort === defaultPort(c) ? '' : `dst_port=${c.dstPort}, `;
  return `${c.kind}: ${port}packet_type=ptap`;
}

const keyText = (k: TunnelConfig['inKey']): string => (k === 'flow' ? k : hex(k ?? 0n));

/** A line of ofproto/list-tunnels. */
export function listText(name: string, vport: number, c: TunnelConfig): string {
  const words = [`key=${keyText(c.inKey)}`, c.layer, `dp port=${vport}`];
  if (c.inKey !== c.outKey) words.push(`out_key=${keyText(c.outKey)}`);
  words.push(`ttl=${c.ttl}`);
  if (c.tos !== 0) words.push(`tos=${c.tos === 'inherit' ? c.tos : hex(c.tos)}`);
  if (!c.df) words.push('df=false');
  if (c.csum) words.push('csum=true');
  return `port ${vport}: ${name} (${c.kind}: ${end(c.local)}->${end(c.remote)}, ${words.join(', ')})`;
}
