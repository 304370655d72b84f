/**
 * What a tunnel port is told: the options of ovs-vswitchd.conf.db(5), read once. An address is bytes, 4 or 16 of them; 'flow' says that flows set it.
 */
import type { TunnelKind } from '../datapath/action.js';
import { parseIpv4, parseIpv6 } from '../lib/address.js';
import { isZero } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';

export interface TunnelConfig {
  readonly kind: TunnelKind;
  readonly remote: Uint8Array | 'flow';
  /** Undefined: whatever the route says; packets to any address are taken. */
  readonly local: Uint8Array | 'flow' | undefined;
  /** Undefined: packets have none, which matches as 0. */
  readonly inKey: bigint | 'flow' | undefined;
  readonly outKey: bigint | 'flow' | undefined;
  /** UDP port of the other end, and of ours; 0 for GRE. */
  readonly dstPort: number;
  readonly tos: number | 'inherit';
  readonly ttl: number | 'inherit';
  readonly df: boolean;
  readonly csum: boolean;
  readonly seq: boolean;
  /** Mark with which the route is looked up. */
  readonly egressMark: number | undefined;
  /** Of what the port's packets are: frames, packets without an Ethernet header, or both. */
  readonly layer: 'legacy_l2' | 'legacy_l3' | 'ptap';
  readonly gbp: boolean;
  readonly gpe: boolean;
}

interface Row {
  readonly kind: TunnelKind;
  readonly dstPort: number;
  /** Bits of a key. */
  readonly keyBits: number;
}

/** By type of the Interface table. */
const TYPES: Readonly<Record<string, Row>> = {
  vxlan: { kind: 'vxlan', dstPort: 4789, keyBits: 24 },
  gre: { kind: 'gre', dstPort: 0, keyBits: 32 },
  ip6gre: { kind: 'ip6gre', dstPort: 0, keyBits: 32 },
  geneve: { kind: 'geneve', dstPort: 6081, keyBits: 24 },
};
export const TUNNEL_TYPES: readonly string[] = Object.keys(TYPES);

/** Options that a tunnel takes. */
export const TUNNEL_OPTIONS = [
  'remote_ip',
  'local_ip',
  'key',
  'in_key',
  'out_key',
  'dst_port',
  'tos',
  'ttl',
  'df_default',
  'csum',
  'seq',
  'egress_pkt_mark',
  'packet_type',
  'exts',
] as const;

type Options = Readonly<Record<string, string>>;

const DEFAULT_TTL = 64;

/** Throws UserError that names the fault: the port is then not made. */
export function tunnelConfig(name: string, type: string, options: Options = {}): TunnelConfig {
  const row = TYPES[type];
  if (!row) throw new UserError(`${name}: ${type} is no tunnel`);
  const fault = (text: string): UserError => new UserError(`${name}: ${text}`);
  const remote = address(options.remote_ip, 'remote_ip', fault);
  if (remote === undefined) throw fault(`${type} type requires valid 'remote_ip' argument`);
  const local = address(options.local_ip, 'local_ip', fault);
  if (remote !== 'flow' && local !== undefined && local !== 'flow' && local.length !== remote.length) {
    throw fault(`'remote_ip' and 'local_ip' are of different families`);
  }
  const exts = (options.exts ?? '').split(',').filter((e) => e !== '');
  for (const e of exts) {
    if (type !== 'vxlan' || (e !== 'gbp' && e !== 'gpe')) throw fault(`${type}: unknown extension "${e}"`);
  }
  const layer = options.packet_type ?? 'legacy_l2';
  if (layer !== 'legacy_l2' && layer !== 'legacy_l3' && layer !== 'ptap') {
    throw fault(`unknown packet_type "${layer}"`);
  }
  return {
    kind: row.kind,
    remote,
    local,
    inKey: key(options.in_key ?? options.key, row.keyBits, fault),
    outKey: key(options.out_key ?? options.key, row.keyBits, fault),
    dstPort: row.dstPort === 0 ? 0 : number(options.dst_port, 'dst_port', 1, 0xffff, fault, row.dstPort),
    tos: options.tos === 'inherit' ? 'inherit' : number(options.tos, 'tos', 0, 0xff, fault, 0) & 0xfc,
    ttl: options.ttl === 'inherit' ? 'inherit' : number(options.ttl, 'ttl', 0, 0xff, fault, 0) || DEFAULT_TTL,
    df: options.df_default !== 'false',
    csum: options.csum === 'true',
    seq: options.seq === 'true' && row.dstPort === 0,
    egressMark:
      options.egress_pkt_mark === undefined
        ? undefined
        : number(options.egress_pkt_mark, 'egress_pkt_mark', 0, 0xffffffff, fault, 0),
    layer: exts.includes('gpe') && options.packet_type === undefined ? 'ptap' : layer,
    gbp: exts.includes('gbp'),
    gpe: exts.includes('gpe'),
  };
}

type Fault = (text: string) => UserError;

function address(text: string | undefined, what: string, fault: Fault): Uint8Array | 'flow' | undefined {
  if (text === undefined || text === 'flow') return text;
  const bytes = parseIpv4(text) ?? parseIpv6(text);
  if (!bytes) throw fault(`bad ${what} "${text}": an IP address is wanted, or flow`);
  if (isZero(bytes)) return undefined;
  return bytes;
}

function key(text: string | undefined, bits: number, fault: Fault): bigint | 'flow' | undefined {
  if (text === undefined || text === 'flow') return text;
  if (!/^(0[xX][0-9a-fA-F]+|\d+)$/.test(text)) throw fault(`bad key "${text}"`);
  const v = BigInt(text);
  if (v >= 1n << BigInt(bits)) throw fault(`key ${text} has more than ${bits} bits`);
  return v;
}

function number(
  text: string | undefined,
  what: string,
  min: number,
  max: number,
  fault: Fault,
  otherwise: number,
): number {
  if (text === undefined) return otherwise;
  const v = /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (v >= min && v <= max) return v;
  throw fault(`bad ${what} "${text}"`);
}
