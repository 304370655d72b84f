/** What rows of Interface and Port mean to the switch: the port to open, its VLANs, and errors in the words that tools expect. */
import { priorityTagsOf, type VlanMode, type VlanSpec } from '../../bridge/vlan.js';
import { parseMac } from '../../lib/address.js';
import type { VportSpec } from '../../vport/kinds.js';
import type { InterfaceRow, PortRow } from './tables.js';
import type { WantedInterface } from './wanted.js';

/** Which of the devices are dummies: none; those of a dummy type and the internal ones of dummy bridges; system devices as well; every one. */
export type DummyMode = 'off' | 'type' | 'system' | 'override';

/** What is opened, whatever the row says. */
export interface Effective {
  readonly type: string;
  readonly dummy: boolean;
}

/** Of bridges, in Open vSwitch's words; which of the two real ones is asked for makes no difference. */
export function datapathTypes(dummies: DummyMode): readonly string[] {
  return [...(dummies === 'off' ? [] : ['dummy']), 'netdev', 'system'];
}

/** A bridge's own port is internal, and a dummy bridge has no devices. */
export function effectiveType(w: WantedInterface, datapathType: string, dummies: DummyMode): Effective {
  const type = w.isLocal ? 'internal' : w.row.type || 'system';
  if (dummies === 'off') return { type, dummy: false };
  const isSystem = datapathType === '' || datapathType === 'system';
  const isDummyBridge = datapathType === 'dummy' || dummies === 'override' || (dummies === 'system' && isSystem);
  if (type === 'internal' && isDummyBridge) return { type: 'dummy-internal', dummy: true };
  const isOverridden = dummies === 'override' ? type === 'tap' || type === 'system' : type === 'system';
  return { type, dummy: type.startsWith('dummy') || (isOverridden && dummies !== 'type') };
}

export function vportSpec(w: WantedInterface, { type, dummy }: Effective): VportSpec {
  const { name, options, mtu_request } = w.row;
  return { name, type, dummy, options: Object.fromEntries(options), mtu: mtu_request, keep: true };
}

const MODES: readonly string[] = ['access', 'trunk', 'native-tagged', 'native-untagged', 'dot1q-tunnel'];

function isMode(text: string | undefined): text is VlanMode {
  return text !== undefined && MODES.includes(text);
}

export function vlanSpec(port: PortRow): VlanSpec {
  return {
    vlanMode: isMode(port.vlan_mode) ? port.vlan_mode : undefined,
    tag: port.tag,
    trunks: port.trunks,
    cvlans: port.cvlans,
    qinqEtherType: port.other_config.get('qinq-ethtype') === '802.1q' ? 0x8100 : 0x88a8,
    priorityTags: priorityTagsOf(port.other_config.get('priority-tags')),
  };
}

/** The address that a row asks for; undefined where it asks for none or for what cannot be one. */
export function askedMac(row: InterfaceRow): Uint8Array | undefined {
  if (row.mac === undefined) return undefined;
  const mac = parseMac(row.mac);
  return mac && (mac[0] & 1) === 0 && mac.some((b) => b !== 0) ? mac : undefined;
}

/** "could not open network device p1 (No such device)": the words that ovs-vsctl repeats and scripts look for. */
export function openError(name: string, message: string, type = ''): string {
  const unknown = /unknown interface type/.test(message);
  // OVS's words for a type that it does not know.
  if (unknown) return `could not open network device ${name} (Address family not supported by protocol)`;
  const at = message.indexOf(`${name}: `);
  const reason = at >= 0 ? message.slice(at + name.length + 2) : message;
  if (type === 'afxdp' && reason.startsWith('options:')) return `${name}: could not set configuration (${reason})`;
  if (type === 'afxdp' && !/^No such device/.test(reason))
    return `could not add network device ${name} to ofproto (${message})`;
  return `could not open network device ${name} (${reason.replace(/ \(.*$/, '')})`;
}
