/** Commands on the switch as a whole, its datapaths and Auto-Attach. */
import { UserError } from '../../lib/errors.js';
import { datumText } from '../../ovsdb/value/text.js';
import { Datum } from '../../ovsdb/value/type.js';
import { type Command, type Context, MANY, type Needs } from './command.js';
import { column, type Row } from './model.js';
import { needsSwitch, rootOf, SwitchModel } from './switch-model.js';

/** What `show` tells of a table's rows, and which of them it goes into. */
interface Shown {
  readonly name: string;
  readonly columns: readonly string[];
}

const SHOWN: Readonly<Record<string, Shown>> = {
  Open_vSwitch: { name: '', columns: ['manager_options', 'bridges', 'ovs_version'] },
  Bridge: { name: 'name', columns: ['controller', 'fail_mode', 'datapath_type', 'ports'] },
  Port: { name: 'name', columns: ['tag', 'trunks', 'interfaces'] },
  Interface: { name: 'name', columns: ['type', 'options', 'error'] },
  Controller: { name: 'target', columns: ['is_connected'] },
  Manager: { name: 'target', columns: ['is_connected'] },
};

function needsShown(needs: Needs): void {
  for (const [table, s] of Object.entries(SHOWN)) needs.add(table, ...(s.name ? [s.name] : []), ...s.columns);
}

function isDefault(row: Row, name: string): boolean {
  const c = column(row, name);
  const d = row.data[c.index];
  return d.size === 0 || (c.type.isScalar && d.keys[0] === c.type.default.keys[0]);
}

function show(c: Context, row: Row, depth: number): void {
  const pad = '    '.repeat(depth);
  const shown = SHOWN[row.table.name];
  if (shown.name === '') c.print(row.uuid);
  else {
    const k = column(row, shown.name);
    c.print(`${pad}${row.table.name} ${datumText(row.data[k.index], k.type)}`);
  }
  for (const name of shown.columns) {
    const k = row.table.column(name);
    if (!k || isDefault(row, name)) continue;
    if (k.type.key.refTable) for (const r of c.model.refs(row, name)) show(c, r, depth + 1);
    else c.print(`${pad}    ${name}: ${datumText(row.data[k.index], k.type)}`);
  }
}

/** What emer-reset empties. */
const RESET: Readonly<Record<string, readonly string[]>> = {
  Open_vSwitch: ['manager_options', 'ssl'],
  Bridge: ['controller', 'fail_mode', 'mirrors', 'netflow', 'sflow', 'ipfix', 'flow_tables'],
  Controller: [],
  Manager: [],
  Interface: ['ingress_policing_rate', 'ingress_policing_burst'],
  Port: ['qos'],
  QoS: [],
  Queue: [],
};
/** Of other_config. */
const KEPT = 'hwaddr';

function* emptied(model: Context['model']): Generator<[Row, string]> {
  for (const [table, columns] of Object.entries(RESET)) {
    const schema = model.schema.table(table);
    if (!schema) continue;
    const names = [...columns, 'other_config'].filter((n) => schema.column(n));
    for (const row of model.list(table)) for (const n of names) yield [row, n];
  }
}

function pairsOf(args: readonly string[]): [string, number][] {
  return args.map((a) => {
    const m = /^([^=]+)=(\d+)$/.exec(a);
    if (!m) throw new UserError(`${a}: a timeout is KEY=SECONDS`);
    return [m[1], Number(m[2])];
  });
}

function zoneOf(text: string): number {
  const m = /^zone=(\d+)$/.exec(text);
  if (!m) throw new UserError(`invalid argument: ${text}`);
  return Number(m[1]);
}

function needsZones(needs: Needs): void {
  needs.add('Open_vSwitch', 'datapaths');
  needs.add('Datapath', 'ct_zones', 'capabilities');
  needs.add('CT_Zone', 'timeout_policy');
  needs.add('CT_Timeout_Policy', 'timeouts');
}

function lookUpDatapath(c: Context, name: string): Row | undefined {
  const root = rootOf(c.model);
  const d = c.model.get(root, 'datapaths');
  const at = d.keys.indexOf(name);
  return at < 0 ? undefined : c.model.find('Datapath', String(d.values?.[at]));
}

/** Zones of a datapath, by number. */
function zonesOf(c: Context, datapath: Row): Map<number, string> {
  const d = c.model.get(datapath, 'ct_zones');
  return new Map(d.keys.map((k, i) => [Number(k), String(d.values?.[i])]));
}

function setZones(c: Context, datapath: Row, zones: ReadonlyMap<number, string>): void {
  c.model.verify(datapath, 'ct_zones');
  c.model.setMap(datapath, 'ct_zones', zones);
}

function zoneTimeouts(c: Context, zone: string): string {
  const row = c.model.find('CT_Zone', zone);
  const [policy] = row ? c.model.refs(row, 'timeout_policy') : [];
  if (!policy) return 'system default';
  const d = c.model.get(policy, 'timeouts');
  return d.keys.map((k, i) => `${k}=${d.values?.[i]}`).join(' ');
}

function needsMappings(needs: Needs): void {
  needsSwitch(needs);
  needs.add('Bridge', 'auto_attach');
  needs.add('AutoAttach', 'mappings');
}

function mappings(c: Context): { bridge: Row; row: Row | undefined; pairs: Map<number, number> } {
  const { row: bridge } = new SwitchModel(c.model).bridge(c.args[0]);
  const [row] = c.model.refs(bridge, 'auto_attach');
  const d = row ? c.model.get(row, 'mappings') : new Datum([], []);
  return { bridge, row, pairs: new Map(d.keys.map((k, i) => [Number(k), Number(d.values?.[i])])) };
}

export const OTHER_COMMANDS: readonly Command[] = [
  // An empty database gets its row whatever the command is.
  { name: 'init', args: [0, 0], run() {} },
  {
    name: 'show',
    args: [0, 0],
    needs: needsShown,
    run(c) {
      for (const row of c.model.list('Open_vSwitch')) show(c, row, 0);
    },
  },
  {
    name: 'emer-reset',
    args: [0, 0],
    needs(needs) {
      for (const [table, columns] of Object.entries(RESET)) needs.add(table, ...columns, 'other_config');
    },
    run(c) {
      const { model } = c;
      for (const [row, name] of emptied(model)) {
        const k = column(row, name);
        const d = row.data[k.index];
        const kept = name === 'other_config' && row.table.name === 'Bridge' ? d.keys.indexOf(KEPT) : -1;
        model.write(row, k, kept < 0 ? k.type.default : new Datum([KEPT], [d.values?.[kept] ?? '']));
      }
    },
  },
  {
    name: 'add-zone-tp',
    options: ['--may-exist'],
    args: [3, MANY],
    needs: needsZones,
    run(c) {
      const { model } = c;
      const [name, zoneText, ...policies] = c.args;
      const datapath = lookUpDatapath(c, name);
      const zone = zoneOf(zoneText);
      if (!datapath) throw new UserError(`datapath ${name} does not exist`);
      const zones = zonesOf(c, datapath);
      const known = zones.get(zone);
      if (known !== undefined && !c.mayExist) throw new UserError(`zone id ${zone} already exists`);
      const policy = model.insert('CT_Timeout_Policy');
      model.setMap(policy, 'timeouts', pairsOf(policies));
      // With --may-exist a zone that is there gets the new timeouts, as in OVS.
      const row = (known !== undefined && model.find('CT_Zone', known)) || model.insert('CT_Zone');
      model.setRefs(row, 'timeout_policy', [policy]);
      if (known === undefined) setZones(c, datapath, zones.set(zone, row.uuid));
    },
  },
  {
    name: 'del-zone-tp',
    options: ['--if-exists'],
    args: [2, 2],
    needs: needsZones,
    run(c) {
      const datapath = lookUpDatapath(c, c.args[0]);
      const zone = zoneOf(c.args[1]);
      if (!datapath) throw new UserError(`datapath ${c.args[0]} does not exist`);
      const zones = zonesOf(c, datapath);
      if (zones.delete(zone)) setZones(c, datapath, zones);
      else if (!c.ifExists) throw new UserError(`zone id ${zone} does not exist`);
    },
  },
  {
    name: 'list-zone-tp',
    args: [1, 1],
    needs: needsZones,
    run(c) {
      const datapath = lookUpDatapath(c, c.args[0]);
      if (!datapath) throw new UserError(`datapath: ${c.args[0]} record not found`);
      for (const [zone, row] of zonesOf(c, datapath)) {
        c.print(`Zone:${zone}, Timeout Policies: ${zoneTimeouts(c, row)}`);
      }
    },
  },
  {
    name: 'list-dp-cap',
    args: [1, 1],
    needs: needsZones,
    run(c) {
      const datapath = lookUpDatapath(c, c.args[0]);
      if (!datapath) throw new UserError(`datapath "${c.args[0]}" record not found`);
      const d = c.model.get(datapath, 'capabilities');
      c.print(d.keys.map((k, i) => `${k}=${d.values?.[i]}`).join(' '));
    },
  },
  {
    name: 'add-aa-mapping',
    args: [3, 3],
    usage: '!BRIDGE !ARG !ARG',
    needs: needsMappings,
    run(c) {
      const { bridge, row, pairs } = mappings(c);
      let holder = row;
      if (!holder) {
        holder = c.model.insert('AutoAttach');
        c.model.setRefs(bridge, 'auto_attach', [holder]);
      }
      c.model.setMap(holder, 'mappings', pairs.set(Number(c.args[1]), Number(c.args[2])));
    },
  },
  {
    name: 'del-aa-mapping',
    args: [3, 3],
    usage: '!BRIDGE !ARG !ARG',
    needs: needsMappings,
    run(c) {
      const { row, pairs } = mappings(c);
      if (row && pairs.get(Number(c.args[1])) === Number(c.args[2]) && pairs.delete(Number(c.args[1]))) {
        c.model.setMap(row, 'mappings', pairs);
      }
    },
  },
  {
    name: 'get-aa-mapping',
    args: [1, MANY],
    usage: '!BRIDGE',
    needs: needsMappings,
    run(c) {
      for (const [isid, vlan] of mappings(c).pairs) c.print(`${isid} ${vlan}`);
    },
  },
];
