/** What a Bridge row says of its bridge, beside its ports: identity, MAC table, OpenFlow versions, controllers. */
import type { Bridge } from '../../bridge/bridge.js';
import { MAC_TABLE_DEFAULTS } from '../../bridge/mac-table.js';
import type { BridgePort } from '../../bridge/port.js';
import { OFPP } from '../../flow/field.js';
import { parseMac } from '../../lib/address.js';
import { UserError } from '../../lib/errors.js';
import type { OpenFlowServer } from '../../openflow/server/server.js';
import { ALL_VERSIONS } from '../../openflow/version.js';
import { datapathIdOf } from '../addresses.js';
import type { Controllers } from '../controllers.js';
import type { Tls } from '../tls.js';
import { controllerSpecs, versionsOf } from './controllers.js';
import type { BridgeRow, ControllerRow } from './tables.js';

export interface BridgeFace {
  readonly bridge: Bridge;
  readonly openflow: OpenFlowServer;
  readonly controllers: Controllers;
}

export interface BridgeContext {
  readonly runDir: string;
  readonly tls: Tls;
  addressOf(name: string): Uint8Array;
  setAddress(bridge: Bridge, port: BridgePort, mac: Uint8Array): void;
  fault(text: string): void;
}

/** A whole number of a map's value, forced into a range; anything else counts as not said. */
export function wholeOf(text: string | undefined, otherwise: number, min: number, max: number): number {
  const n = text !== undefined && /^\d+$/.test(text) ? Number(text) : otherwise;
  return Math.min(max, Math.max(min, n));
}

export function applyBridge(face: BridgeFace, row: BridgeRow, context: BridgeContext): void {
  const { bridge, openflow } = face;
  const config = row.other_config;
  bridge.macs.setOptions({
    agingTime: wholeOf(config.get('mac-aging-time'), MAC_TABLE_DEFAULTS.agingTime, 15, 3600),
    maxEntries: wholeOf(config.get('mac-table-size'), MAC_TABLE_DEFAULTS.maxEntries, 10, 1_000_000),
  });
  bridge.macs.setFloodVlans(new Set(row.flood_vlans));
  bridge.setForwardBpdu(config.get('forward-bpdu') === 'true');
  openflow.setVersions(versionsOf(row.protocols) ?? ALL_VERSIONS);
  bridge.datapathType = row.datapath_type;
  const datapath = config.get('dp-desc')?.slice(0, 255);
  const serial = config.get('dp-sn')?.slice(0, 31);
  openflow.setDescription({ ...(datapath !== undefined && { datapath }), ...(serial !== undefined && { serial }) });
  applyIdentity(face, row, context);
}

/**
 * The address of the bridge's own port: what is asked for, else the lowest that the maker of a device gave one of the ports (so that a bridge over a
 * network card looks to the network as the card did), else one that follows from the name. The datapath id follows from it unless it is asked for.
 */
function applyIdentity({ bridge, openflow }: BridgeFace, row: BridgeRow, context: BridgeContext): void {
  const mac = askedAddress(row, context) ?? lowestAddress(bridge) ?? context.addressOf(row.name);
  const local = bridge.port(OFPP.local);
  if (local) context.setAddress(bridge, local, mac);
  const id = askedId(row, context) ?? datapathIdOf(mac);
  if (id === bridge.datapathId) return;
  bridge.datapathId = id;
  openflow.reconnect('the datapath id has changed');
}

function askedAddress(row: BridgeRow, context: BridgeContext): Uint8Array | undefined {
  const text = row.other_config.get('hwaddr');
  if (text === undefined) return undefined;
  const mac = parseMac(text);
  if (mac && !(mac[0] & 1) && mac.some((b) => b !== 0)) return mac;
  context.fault(`bridge ${row.name}: other_config:hwaddr "${text}" is no address of a single host`);
  return undefined;
}

function askedId(row: BridgeRow, context: BridgeContext): bigint | undefined {
  const text = row.other_config.get('datapath-id');
  if (text === undefined) return undefined;
  if (/^(?:0x[0-9a-f]{1,16}|[0-9a-f]{16})$/i.test(text)) {
    const id = BigInt(text.startsWith('0x') || text.startsWith('0X') ? text : `0x${text}`);
    if (id !== 0n) return id;
  }
  context.fault(`bridge ${row.name}: other_config:datapath-id "${text}" is not 16 hex digits, or 0x and hex digits`);
  return undefined;
}

/** Addresses of neither groups nor of somebody's own making. */
function lowestAddress(bridge: Bridge): Uint8Array | undefined {
  let lowest: Uint8Array | undefined;
  for (const p of bridge.ports()) {
    if (p.number === OFPP.local || p.vport === 0 || p.hwAddr[0] & 3) continue;
    if (!lowest || Buffer.compare(p.hwAddr, lowest) < 0) lowest = p.hwAddr;
  }
  return lowest;
}

/** Resolves when listeners are open. A listener that cannot be is told, and the others stand. */
export async function applyControllers(
  { controllers }: BridgeFace,
  row: BridgeRow,
  rows: readonly ControllerRow[],
  context: BridgeContext,
): Promise<void> {
  const fault = (text: string): void => context.fault(`bridge ${row.name}: ${text}`);
  try {
    await controllers.set({
      controllers: controllerSpecs(rows, context.runDir, fault),
      failMode: row.fail_mode === 'secure' ? 'secure' : 'standalone',
      tls: context.tls,
    });
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    fault(e.message);
  }
}
