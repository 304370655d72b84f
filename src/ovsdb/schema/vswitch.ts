/** The Open_vSwitch database, version 8.3: what ovs-vsctl and ovs-vswitchd.conf.db(5) mean by its tables and columns. */
import { type ColumnSpec, DatabaseSchema, type TableSpec } from './schema.js';
import { boolean, integer, map, one, oneOf, optional, range, set, some, string, strong, weak } from './std.js';

const VLAN = range(0, 4095);
const U32 = range(0, 4294967295);
const STATE = oneOf('up', 'down');

/** Kinds of columns that come again and again. Frozen in the row's life; not kept in the file; both. */
const fixed = (spec: ColumnSpec): ColumnSpec => ({ ...spec, immutable: true });
const live = (spec: ColumnSpec): ColumnSpec => ({ ...spec, ephemeral: true });

const text: ColumnSpec = { type: one(string) };
const texts: ColumnSpec = { type: set(string) };
const textMaybe: ColumnSpec = { type: optional(string) };
const number: ColumnSpec = { type: one(integer) };
const numberMaybe: ColumnSpec = { type: optional(integer) };
const flag: ColumnSpec = { type: one(boolean) };
const flagMaybe: ColumnSpec = { type: optional(boolean) };
const words: ColumnSpec = { type: map(string, string) };
const counters: ColumnSpec = { type: map(string, integer) };
const state: ColumnSpec = { type: optional(STATE) };
const numberFrom = (min: number, max?: number): ColumnSpec => ({ type: optional(range(min, max)) });
const choice = (...names: string[]): ColumnSpec => ({ type: optional(oneOf(...names)) });
const rows = (table: string): ColumnSpec => ({ type: set(strong(table)) });
const row = (table: string): ColumnSpec => ({ type: optional(strong(table)) });
const vlans: ColumnSpec = { type: set(VLAN, 4096) };
const configs = { other_config: words, external_ids: words };

const CONNECTION = {
  target: text,
  max_backoff: numberFrom(1000),
  inactivity_probe: numberMaybe,
  connection_mode: choice('in-band', 'out-of-band'),
  ...configs,
  is_connected: live(flag),
  status: live(words),
};

const TABLES: Readonly<Record<string, TableSpec>> = {
  Open_vSwitch: {
    isRoot: true,
    maxRows: 1,
    columns: {
      datapaths: { type: map(string, strong('Datapath')) },
      bridges: rows('Bridge'),
      manager_options: rows('Manager'),
      ssl: row('SSL'),
      ...configs,
      next_cfg: number,
      cur_cfg: number,
      statistics: live(words),
      ovs_version: textMaybe,
      db_version: textMaybe,
      system_type: textMaybe,
      system_version: textMaybe,
      datapath_types: texts,
      iface_types: texts,
      dpdk_initialized: flag,
      dpdk_version: textMaybe,
    },
  },
  Bridge: {
    indexes: [['name']],
    columns: {
      name: fixed(text),
      datapath_type: text,
      datapath_version: text,
      datapath_id: live(textMaybe),
      stp_enable: flag,
      rstp_enable: flag,
      mcast_snooping_enable: flag,
      ports: rows('Port'),
      mirrors: rows('Mirror'),
      netflow: row('NetFlow'),
      sflow: row('sFlow'),
      ipfix: row('IPFIX'),
      controller: rows('Controller'),
      protocols: {
        type: set(oneOf('OpenFlow10', 'OpenFlow11', 'OpenFlow12', 'OpenFlow13', 'OpenFlow14', 'OpenFlow15')),
      },
      fail_mode: choice('standalone', 'secure'),
      status: live(words),
      rstp_status: live(words),
      ...configs,
      flood_vlans: vlans,
      flow_tables: { type: map(range(0, 254), strong('Flow_Table')) },
      auto_attach: row('AutoAttach'),
    },
  },
  Port: {
    indexes: [['name']],
    columns: {
      name: fixed(text),
      interfaces: { type: some(strong('Interface')) },
      trunks: vlans,
      cvlans: vlans,
      tag: { type: optional(VLAN) },
      vlan_mode: choice('trunk', 'access', 'native-tagged', 'native-untagged', 'dot1q-tunnel'),
      qos: row('QoS'),
      mac: textMaybe,
      bond_mode: choice('balance-tcp', 'balance-slb', 'active-backup'),
      lacp: choice('active', 'passive', 'off'),
      bond_updelay: number,
      bond_downdelay: number,
      bond_active_slave: textMaybe,
      bond_fake_iface: flag,
      fake_bridge: flag,
      status: live(words),
      rstp_status: live(words),
      rstp_statistics: live(counters),
      statistics: live(counters),
      protected: flag,
      ...configs,
    },
  },
  Interface: {
    indexes: [['name']],
    columns: {
      name: fixed(text),
      type: text,
      options: words,
      ingress_policing_rate: { type: one(range(0)) },
      ingress_policing_burst: { type: one(range(0)) },
      ingress_policing_kpkts_rate: { type: one(range(0)) },
      ingress_policing_kpkts_burst: { type: one(range(0)) },
      mac_in_use: live(textMaybe),
      mac: textMaybe,
      ifindex: live({ type: optional(U32) }),
      external_ids: words,
      ofport: numberMaybe,
      ofport_request: numberFrom(1, 65279),
      bfd: words,
      bfd_status: live(words),
      cfm_mpid: numberMaybe,
      cfm_remote_mpids: live({ type: set(integer) }),
      cfm_flap_count: numberMaybe,
      cfm_fault: live(flagMaybe),
      cfm_fault_status: live(texts),
      cfm_remote_opstate: live(state),
      cfm_health: live(numberFrom(0, 100)),
      lacp_current: live(flagMaybe),
      lldp: words,
      other_config: words,
      statistics: live(counters),
      status: live(words),
      admin_state: live(state),
      link_state: live(state),
      link_resets: live(numberMaybe),
      link_speed: live(numberMaybe),
      duplex: live(choice('half', 'full')),
      mtu: live(numberMaybe),
      mtu_request: numberFrom(1),
      error: textMaybe,
    },
  },
  Flow_Table: {
    columns: {
      name: textMaybe,
      flow_limit: numberFrom(0),
      overflow_policy: choice('refuse', 'evict'),
      groups: texts,
      prefixes: { type: set(string, 3) },
      external_ids: words,
    },
  },
  QoS: {
    isRoot: true,
    columns: { type: text, queues: { type: map(U32, strong('Queue')) }, ...configs },
  },
  Queue: {
    isRoot: true,
    columns: { dscp: numberFrom(0, 63), ...configs },
  },
  Mirror: {
    columns: {
      name: text,
      select_all: flag,
      select_src_port: { type: set(weak('Port')) },
      select_dst_port: { type: set(weak('Port')) },
      select_vlan: vlans,
      output_port: { type: optional(weak('Port')) },
      output_vlan: numberFrom(1, 4095),
      snaplen: numberFrom(14, 65535),
      statistics: live(counters),
      external_ids: words,
    },
  },
  NetFlow: {
    columns: {
      targets: { type: some(string) },
      engine_type: numberFrom(0, 255),
      engine_id: numberFrom(0, 255),
      add_id_to_interface: flag,
      active_timeout: { type: one(range(-1)) },
      external_ids: words,
    },
  },
  sFlow: {
    columns: {
      targets: { type: some(string) },
      sampling: numberMaybe,
      polling: numberMaybe,
      header: numberMaybe,
      agent: textMaybe,
      external_ids: words,
    },
  },
  IPFIX: {
    columns: {
      targets: texts,
      sampling: numberFrom(1, 4294967295),
      obs_domain_id: { type: optional(U32) },
      obs_point_id: { type: optional(U32) },
      cache_active_timeout: numberFrom(0, 4200),
      cache_max_flows: { type: optional(U32) },
      ...configs,
    },
  },
  Flow_Sample_Collector_Set: {
    isRoot: true,
    indexes: [['id', 'bridge']],
    columns: {
      id: { type: one(U32) },
      bridge: { type: one(strong('Bridge')) },
      ipfix: row('IPFIX'),
      external_ids: words,
    },
  },
  Controller: {
    columns: {
      type: choice('primary', 'service'),
      ...CONNECTION,
      local_ip: textMaybe,
      local_netmask: textMaybe,
      local_gateway: textMaybe,
      enable_async_messages: flagMaybe,
      controller_queue_size: numberFrom(1, 512),
      controller_rate_limit: numberFrom(100),
      controller_burst_limit: numberFrom(25),
      role: live(choice('other', 'master', 'slave')),
    },
  },
  Manager: { indexes: [['target']], columns: CONNECTION },
  Datapath: {
    columns: {
      datapath_version: text,
      ct_zones: { type: map(range(0, 65535), strong('CT_Zone')) },
      capabilities: words,
      external_ids: words,
    },
  },
  CT_Zone: { columns: { timeout_policy: row('CT_Timeout_Policy'), external_ids: words } },
  CT_Timeout_Policy: {
    columns: {
      timeouts: {
        type: map(
          oneOf(
            ...['syn_sent', 'syn_recv', 'established', 'fin_wait', 'close_wait', 'last_ack'].map((s) => `tcp_${s}`),
            ...['time_wait', 'close', 'syn_sent2', 'retransmit', 'unack'].map((s) => `tcp_${s}`),
            ...['first', 'single', 'multiple'].map((s) => `udp_${s}`),
            ...['first', 'reply'].map((s) => `icmp_${s}`),
          ),
          U32,
        ),
      },
      external_ids: words,
    },
  },
  SSL: {
    maxRows: 1,
    columns: {
      private_key: text,
      certificate: text,
      ca_cert: text,
      bootstrap_ca_cert: flag,
      external_ids: words,
    },
  },
  AutoAttach: {
    columns: {
      system_name: text,
      system_description: text,
      mappings: { type: map(range(0, 16777215), VLAN) },
    },
  },
};

/** The checksum is that of the schema file with the same meaning, by which tools tell whether a database needs converting. */
export const VSWITCH_SCHEMA = new DatabaseSchema('Open_vSwitch', '8.3.1', '3012963480 26720', TABLES);
