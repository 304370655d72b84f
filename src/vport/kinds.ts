/**
 * Port kinds: one row a `type` of the Interface table. A row turns a configuration into what the datapath opens; a kind without a `native`
 * side (patch) exists in translation only. Adding a kind is a row here and, where it needs a device of a new sort, a maker in native/port.
 */
import { type PortConfig, type PortKind, plainPort, XDP_MODES, type XdpMode } from '../datapath/native.js';
import { UserError } from '../lib/errors.js';
import { TUNNEL_OPTIONS, TUNNEL_TYPES } from '../tunnel/config.js';

export interface VportSpec {
  /** Port name, which is the device's name where there is a device. */
  readonly name: string;
  /** Interface type; "" is "system". */
  readonly type: string;
  readonly options?: Readonly<Record<string, string>>;
  /** True: whatever the type, there is no device; the switch plays one (see src/switch/dummy). */
  readonly dummy?: boolean;
  /** A device that weft makes outlives it, and is taken up again at the next start. */
  readonly keep?: boolean;
  /** Asked-for MTU in bytes; undefined leaves the device's own. */
  readonly mtu?: number;
}

export interface VportKind {
  readonly type: string;
  readonly doc: string;
  /** Undefined: the datapath has no port for it. */
  readonly native?: PortKind;
  /** Option keys it takes. Others are named in a warning. */
  readonly options: readonly string[];
  /** Capability it needs, for messages; "" none. */
  readonly privilege: '' | 'CAP_NET_ADMIN' | 'CAP_NET_RAW';
  /** True: weft makes the device, and removes it with the port. */
  readonly ownsDevice: boolean;
}

function row(type: string, native: PortKind | undefined, options: string[], doc: string): VportKind {
  const privilege = native === 'tap' ? 'CAP_NET_ADMIN' : native === 'system' || native === 'xdp' ? 'CAP_NET_RAW' : '';
  return { type, doc, native, options, privilege, ownsDevice: native === 'tap' };
}

const TAP_OPTIONS = ['offload', 'netns', 'n_rxq', 'io_uring'];
const DUMMY_OPTIONS = ['pcap', 'tx_pcap', 'rxq_pcap', 'stream', 'pstream', 'ifindex'];

export const VPORT_KINDS: readonly VportKind[] = [
  row('system', 'system', ['offload', 'netns', 'rx_ring', 'bpf'], 'an existing device: veth, NIC'),
  row('afxdp', 'xdp', ['offload', 'netns', 'xdp-mode', 'use-need-wakeup', 'n_rxq'], 'an existing device by AF_XDP'),
  row('internal', 'tap', TAP_OPTIONS, 'a device that weft makes; it may be moved into a namespace'),
  row('tap', 'tap', TAP_OPTIONS, 'the same as internal'),
  row('patch', undefined, ['peer'], 'a wire to a patch port of another bridge'),
  ...TUNNEL_TYPES.map((type) => row(type, undefined, [...TUNNEL_OPTIONS], 'a tunnel to other machines')),
  row('memory', 'memory', [], 'frames from and to a program'),
  row('dummy', 'memory', DUMMY_OPTIONS, 'a memory port that test commands feed'),
  row('dummy-internal', 'memory', DUMMY_OPTIONS, 'what stands for an internal port among dummies'),
  row('dummy-pmd', 'memory', [...DUMMY_OPTIONS, 'n_rxq', 'n_txq', 'numa_id'], 'a dummy with receive queues'),
  row('pcap', 'pcap', ['rx_pcap', 'tx_pcap', 'loop'], 'frames from a capture file, frames to a capture file'),
  row('null', 'null', [], 'swallows what is sent to it'),
];

/** Dummies there are only where the switch plays devices. */
const isDummyKind = (type: string): boolean => type.startsWith('dummy');

/** What an Interface may be. */
export function vportTypes(dummies: boolean): string[] {
  return VPORT_KINDS.map((k) => k.type)
    .filter((type) => dummies || !isDummyKind(type))
    .sort();
}

const byType = new Map(VPORT_KINDS.map((k) => [k.type, k]));

/** Linux's limit: IFNAMSIZ with the terminating zero. */
const MAX_DEVICE_NAME = 15;
/** Memory for frames that arrived and wait. */
const RX_RING_KIB = { min: 128, max: 65536 } as const;
/** Open vSwitch's limit for AF_XDP. */
const MAX_QUEUES = 16;
export const MTU_RANGE = { min: 68, max: 65535 } as const;

export function vportKind(type: string): VportKind {
  const kind = byType.get(type === '' ? 'system' : type);
  if (!kind) throw unknownType(type);
  return kind;
}

function unknownType(type: string): UserError {
  return new UserError(`could not add network device: unknown interface type "${type}"`);
}

function flag(spec: VportSpec, key: string, otherwise: boolean): boolean {
  const text = spec.options?.[key];
  if (text === undefined) return otherwise;
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new UserError(`${spec.name}: options:${key} must be true or false, not "${text}"`);
}

/** A number of KiB within a range; 0 where the option is not given. */
function kilobytes(spec: VportSpec, key: string, range: { readonly min: number; readonly max: number }): number {
  const text = spec.options?.[key];
  if (text === undefined) return 0;
  const n = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (n >= range.min && n <= range.max) return n;
  throw new UserError(`${spec.name}: options:${key} must be ${range.min} to ${range.max} (KiB), not "${text}"`);
}

/** True: ports of this type have a device of somebody else's, which is there before the port. False for types that there are not, too. */
export function isFound(type: string): boolean {
  const native = byType.get(type === '' ? 'system' : type)?.native;
  return native === 'system' || native === 'xdp';
}

function xdpMode(spec: VportSpec): XdpMode {
  const text = spec.options?.['xdp-mode'] ?? 'best-effort';
  const mode = XDP_MODES.find((m) => m === text);
  if (mode) return mode;
  throw new UserError(`${spec.name}: options:xdp-mode must be one of ${XDP_MODES.join(', ')}, not "${text}"`);
}

const NO_XDP = { xdpMode: 'best-effort', queues: 1, needWakeup: true } as const;

function xdpConfig(spec: VportSpec): Pick<PortConfig, 'xdpMode' | 'queues' | 'needWakeup'> {
  return { xdpMode: xdpMode(spec), queues: queues(spec), needWakeup: flag(spec, 'use-need-wakeup', true) };
}

/** What is no number counts as one queue, as there. */
function queues(spec: VportSpec): number {
  const n = Math.max(Number.parseInt(spec.options?.n_rxq ?? '1', 10) || 1, 1);
  if (n <= MAX_QUEUES) return n;
  throw new UserError(`${spec.name}: options:n_rxq must be 1 to ${MAX_QUEUES}, not "${n}"`);
}

/** What the datapath is to open; undefined for kinds that live in translation. Throws UserError that names the fault. */
export function nativeConfig(spec: VportSpec): PortConfig | undefined {
  if (isDummyKind(spec.type) && !spec.dummy) throw unknownType(spec.type);
  const kind = spec.dummy ? { ...vportKind(spec.type), native: 'memory' as const } : vportKind(spec.type);
  if (!kind.native) return undefined;
  const device = kind.native === 'tap' || kind.native === 'system' || kind.native === 'xdp';
  if (device && (spec.name.length === 0 || spec.name.length > MAX_DEVICE_NAME || /[\s/]/.test(spec.name))) {
    throw new UserError(
      `"${spec.name}" cannot be a device name: 1 to ${MAX_DEVICE_NAME} characters, no space and no slash`,
    );
  }
  if (spec.mtu !== undefined && (!Number.isInteger(spec.mtu) || spec.mtu < MTU_RANGE.min || spec.mtu > MTU_RANGE.max)) {
    throw new UserError(`${spec.name}: MTU ${spec.mtu} is not within ${MTU_RANGE.min} to ${MTU_RANGE.max}`);
  }
  const pcap = kind.native === 'pcap';
  return {
    kind: kind.native,
    device: device || spec.dummy ? spec.name : pcap ? (spec.options?.rx_pcap ?? '') : '',
    output: pcap ? (spec.options?.tx_pcap ?? '') : '',
    mtu: spec.mtu ?? 0,
    loop: flag(spec, 'loop', false),
    // Programs get the frames that there were, each by itself.
    offload: kind.native !== 'memory' && flag(spec, 'offload', true),
    netns: spec.options?.netns ?? '',
    rxBytes: kilobytes(spec, 'rx_ring', RX_RING_KIB) * 1024,
    programs: flag(spec, 'bpf', true),
    keep: spec.keep ?? false,
    ioUring: flag(spec, 'io_uring', true),
    ...(kind.native === 'xdp' ? xdpConfig(spec) : { ...NO_XDP, queues: kind.native === 'tap' ? queues(spec) : 1 }),
  };
}

/** What opens the datapath port behind tunnels. */
export const BACKER: PortConfig = { ...plainPort('tunnel'), programs: false };

/** Option keys of a spec that its kind does not know. */
export function unknownOptions(spec: VportSpec): string[] {
  const known = vportKind(spec.type).options;
  return Object.keys(spec.options ?? {}).filter((k) => !known.includes(k));
}
