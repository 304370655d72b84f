/**
 * What a tunnel port is told: the options of ovs-vswitchd.conf.db(5), read once. An address is bytes, 4 or 16 of them; 'flow' says that flows set it.
 */
import type { TunnelKind } from '../datapath/action.js';
import { parseIpv4, parseIpv6 } from '../lib/address.js';
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
  /** Its ports may be of packets without an Ethernet header alone; what else can carry them sends them by ports of both sorts. */
  readonly bare: (exts: readonly string[]) => boolean;
}

const never = (): boolean => false;

/** By type of the Interface table. */
const TYPES: Readonly<Record<string, Row>> = {
  vxlan: { kind: 'vxlan', dstPort: 4789, keyBits: 24, bare: (exts) => exts.includes('gpe') },
  gre: { kind: 'gre', dstPort: 0, keyBits: 32, bare: () => true },
  ip6gre: { kind: 'ip6gre', dstPort: 0, keyBits: 32, bare: never },
  geneve: { kind: 'geneve', dstPort: 6081, keyBits: 24, bare: never },
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

export const DEFAULT_TTL = 64;

/** UDP port of a type where none is said. */
export function defaultPort({ kind }: Pick<TunnelConfig, 'kind'>): number {
  return Object.values(TYPES).find((r) => r.kind === kind)?.dstPort ?? 0;
}

/** Why a tunnel cannot be, in the words that the Interface row gets. */
export class TunnelFault extends UserError {}

/**
 * What cannot be meant throws TunnelFault, and the port is not made. What merely cannot be read is left out and said by `warn`, as in Open vSwitch: a
 * database that works there works here.
 */
export function tunnelConfig(
  name: string,
  type: string,
  options: Options = {},
  warn: (text: string) => void = () => undefined,
): TunnelConfig {
  const row = TYPES[type];
  if (!row) throw new TunnelFault(`${name}: ${type} is no tunnel`);
  const faults: string[] = [];
  const fault = (text: string): void => {
    faults.push(`${name}: ${text}`);
  };
  const note = (text: string): void => warn(`${name}: ${text}`);
  const remote = address(options.remote_ip);
  if (remote === 'bad') fault(`bad ${type} 'remote_ip'`);
  if (remote === undefined || remote === 'bad') fault(`${type} type requires valid 'remote_ip' argument`);
  else if (remote !== 'flow' && isMulticast(remote)) fault(`multicast remote_ip=${options.remote_ip} not allowed`);
  let local = address(options.local_ip);
  if (local === 'bad') {
    note(`bad ${type} 'local_ip'`);
    local = undefined;
  }
  if (local === 'flow' && remote !== 'flow') fault(`${type} type requires 'remote_ip=flow' with 'local_ip=flow'`);
  if (local instanceof Uint8Array && remote instanceof Uint8Array && local.length !== remote.length) {
    fault("'remote_ip' and 'local_ip' has to be of the same address family");
  }
  const exts = type === 'vxlan' ? (options.exts ?? '').split(',').filter((e) => e !== '') : [];
  for (const e of exts) if (e !== 'gbp' && e !== 'gpe') note(`unknown extension '${e}'`);
  const layer = options.packet_type ?? 'legacy_l2';
  if (!isLayer(layer)) fault(`unknown packet_type '${layer}'`);
  if (layer === 'legacy_l3' && !row.bare(exts)) {
    const called = type === 'vxlan' ? 'VXLAN (without GPE)' : type;
    fault(`legacy_l3 configured on ${called} tunnel that cannot carry L3 traffic`);
  }
  for (const o of Object.keys(options)) {
    if (!(TUNNEL_OPTIONS as readonly string[]).includes(o)) note(`unknown ${type} argument '${o}'`);
  }
  if (faults.length > 0 || remote === undefined || remote === 'bad' || !isLayer(layer)) {
    throw new TunnelFault(faults.join('\n'));
  }
  const keyOf = (text: string | undefined): bigint | 'flow' | undefined => key(text, row.keyBits, note);
  return {
    kind: row.kind,
    remote,
    local,
    inKey: keyOf(options.in_key ?? options.key),
    outKey: keyOf(options.out_key ?? options.key),
    dstPort: row.dstPort === 0 ? 0 : number(options.dst_port, 'dst_port', 1, 0xffff, note, row.dstPort),
    tos: options.tos === 'inherit' ? 'inherit' : dscp(options.tos, note),
    ttl: options.ttl === 'inherit' ? 'inherit' : number(options.ttl, 'ttl', 0, 0xff, note, 0) || DEFAULT_TTL,
    df: options.df_default !== 'false',
    csum: options.csum === 'true',
    seq: options.seq === 'true' && row.dstPort === 0,
    egressMark:
      options.egress_pkt_mark === undefined
        ? undefined
        : number(options.egress_pkt_mark, 'egress_pkt_mark', 0, 0xffffffff, note, 0),
    layer,
    gbp: exts.includes('gbp'),
    gpe: exts.includes('gpe'),
  };
}

type Note = (text: string) => void;

const isLayer = (text: string): text is TunnelConfig['layer'] =>
  text === 'legacy_l2' || text === 'legacy_l3' || text === 'ptap';

const isMulticast = (a: Uint8Array): boolean => (a.length === 4 ? a[0] >> 4 === 14 : a[0] === 0xff);

function address(text: string | undefined): Uint8Array | 'flow' | 'bad' | undefined {
  if (text === undefined || text === 'flow') return text;
  return parseIpv4(text) ?? parseIpv6(text) ?? 'bad';
}

const isNumber = (text: string): boolean => /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text);

function key(text: string | undefined, bits: number, note: Note): bigint | 'flow' | undefined {
  if (text === undefined || text === 'flow') return text;
  if (!isNumber(text)) {
    note(`bad key '${text}'`);
    return 0n;
  }
  const v = BigInt(text);
  if (v >= 1n << BigInt(bits)) note(`key ${text} has more than ${bits} bits: no packet carries it`);
  return v;
}

function dscp(text: string | undefined, note: Note): number {
  const v = number(text, 'tos', 0, 0xff, note, 0);
  if ((v & 3) === 0) return v;
  note(`invalid TOS ${text}`);
  return 0;
}

function number(
  text: string | undefined,
  what: string,
  min: number,
  max: number,
  note: Note,
  otherwise: number,
): number {
  if (text === undefined) return otherwise;
  const v = isNumber(text) ? Number(text) : Number.NaN;
  if (v >= min && v <= max) return v;
  note(`bad ${what} '${text}'`);
  return otherwise;
}
