/** Tables of the Open_vSwitch database as the switch reads and writes them: names and types are those of ovs-vswitchd.conf.db(5). */
import {
  bool,
  integer,
  map,
  one,
  optional,
  output,
  type RowOf,
  set,
  table,
  text,
  uuid,
} from '../../ovsdb/client/column.js';
import { TableReplica } from '../../ovsdb/client/replica.js';

const strings = map(text, text);

export const OPEN_VSWITCH = table('Open_vSwitch', {
  bridges: set(uuid),
  datapaths: map(text, uuid),
  manager_options: set(uuid),
  ssl: optional(uuid),
  other_config: strings,
  external_ids: strings,
  next_cfg: one(integer),
  cur_cfg: one(integer),
  statistics: output(strings),
  ovs_version: optional(text),
  db_version: optional(text),
  system_type: optional(text),
  system_version: optional(text),
  datapath_types: set(text),
  iface_types: set(text),
  dpdk_initialized: output(one(bool)),
  dpdk_version: output(optional(text)),
});

export const BRIDGE = table('Bridge', {
  name: one(text),
  datapath_type: one(text),
  datapath_id: output(optional(text)),
  datapath_version: output(one(text)),
  ports: set(uuid),
  mirrors: set(uuid),
  controller: set(uuid),
  protocols: set(text),
  fail_mode: optional(text),
  flood_vlans: set(integer),
  flow_tables: map(integer, uuid),
  stp_enable: one(bool),
  rstp_enable: one(bool),
  mcast_snooping_enable: one(bool),
  netflow: optional(uuid),
  sflow: optional(uuid),
  ipfix: optional(uuid),
  auto_attach: optional(uuid),
  other_config: strings,
  status: output(strings),
  rstp_status: output(strings),
});

export const PORT = table('Port', {
  name: one(text),
  interfaces: set(uuid),
  tag: optional(integer),
  trunks: set(integer),
  cvlans: set(integer),
  vlan_mode: optional(text),
  qos: optional(uuid),
  mac: optional(text),
  bond_mode: optional(text),
  lacp: optional(text),
  bond_updelay: one(integer),
  bond_downdelay: one(integer),
  bond_fake_iface: one(bool),
  fake_bridge: one(bool),
  protected: one(bool),
  other_config: strings,
  bond_active_slave: output(optional(text)),
  status: output(strings),
  statistics: output(map(text, integer)),
});

export const INTERFACE = table('Interface', {
  name: one(text),
  type: one(text),
  options: strings,
  mac: optional(text),
  mtu_request: optional(integer),
  ofport_request: optional(integer),
  ingress_policing_rate: one(integer),
  ingress_policing_burst: one(integer),
  ingress_policing_kpkts_rate: one(integer),
  ingress_policing_kpkts_burst: one(integer),
  bfd: strings,
  cfm_mpid: optional(integer),
  lldp: strings,
  other_config: strings,
  external_ids: strings,
  ofport: optional(integer),
  error: output(optional(text)),
  mac_in_use: output(optional(text)),
  ifindex: output(optional(integer)),
  mtu: output(optional(integer)),
  admin_state: output(optional(text)),
  link_state: output(optional(text)),
  link_resets: output(optional(integer)),
  link_speed: output(optional(integer)),
  duplex: output(optional(text)),
  status: output(strings),
  statistics: output(map(text, integer)),
});

export const CONTROLLER = table('Controller', {
  target: one(text),
  type: optional(text),
  max_backoff: optional(integer),
  inactivity_probe: optional(integer),
  connection_mode: optional(text),
  local_ip: optional(text),
  local_netmask: optional(text),
  local_gateway: optional(text),
  enable_async_messages: optional(bool),
  controller_queue_size: optional(integer),
  controller_rate_limit: optional(integer),
  controller_burst_limit: optional(integer),
  other_config: strings,
  is_connected: output(one(bool)),
  role: output(optional(text)),
  status: output(strings),
});

export const MIRROR = table('Mirror', {
  name: one(text),
  select_all: one(bool),
  select_src_port: set(uuid),
  select_dst_port: set(uuid),
  select_vlan: set(integer),
  output_port: optional(uuid),
  output_vlan: optional(integer),
  snaplen: optional(integer),
  statistics: output(map(text, integer)),
});

export const FLOW_TABLE = table('Flow_Table', {
  name: optional(text),
  flow_limit: optional(integer),
  overflow_policy: optional(text),
  groups: set(text),
  prefixes: set(text),
});

export const SSL = table('SSL', {
  private_key: one(text),
  certificate: one(text),
  ca_cert: one(text),
  bootstrap_ca_cert: one(bool),
});

export const DATAPATH = table('Datapath', {
  datapath_version: one(text),
  ct_zones: map(integer, uuid),
  capabilities: output(strings),
});

export type OpenVswitch = RowOf<typeof OPEN_VSWITCH>;
export type BridgeRow = RowOf<typeof BRIDGE>;
export type PortRow = RowOf<typeof PORT>;
export type InterfaceRow = RowOf<typeof INTERFACE>;
export type ControllerRow = RowOf<typeof CONTROLLER>;
export type MirrorRow = RowOf<typeof MIRROR>;
export type FlowTableRow = RowOf<typeof FLOW_TABLE>;

/** The replicas of all of them. */
export function configTables() {
  return {
    root: new TableReplica(OPEN_VSWITCH),
    bridges: new TableReplica(BRIDGE),
    ports: new TableReplica(PORT),
    interfaces: new TableReplica(INTERFACE),
    controllers: new TableReplica(CONTROLLER),
    mirrors: new TableReplica(MIRROR),
    flowTables: new TableReplica(FLOW_TABLE),
    ssl: new TableReplica(SSL),
    datapaths: new TableReplica(DATAPATH),
  };
}

export type ConfigTables = ReturnType<typeof configTables>;
