/** The requests of the protocol: RFC 7047 section 4.1 and ovsdb-server(7), one row each. */
import { type Json, jsonWeight, RawJson, sortedJson } from '../json/json.js';
import { parseSchema } from '../schema/parse.js';
import { asUuid } from '../value/atom.js';
import { OvsdbError, syntaxError } from '../value/error.js';
import { isId } from '../value/members.js';
import { parseConditionChange, parseMonitorRequest } from './monitor-request.js';
import { Conditions, MONITOR_KINDS, type MonitorKind } from './monitors.js';
import type { Served } from './server.js';
import type { Session } from './session.js';

interface Call {
  readonly method: string;
  readonly params: readonly Json[];
  readonly id: Json;
}

/** The reply; undefined where it was given, or comes later. Throws OvsdbError. */
type Method = (s: Session, call: Call) => Json | RawJson | undefined;

function database(s: Session, { method, params }: Call): Served {
  const [name] = params;
  if (typeof name !== 'string') throw syntaxError(params, `${method} request params must begin with <db-name>`);
  const served = s.server.databases.get(name);
  if (served) return served;
  throw new OvsdbError('unknown database', `${method} request specifies unknown database ${name}`, params);
}

function lockName({ method, params }: Call): string {
  const [name] = params;
  if (params.length === 1 && typeof name === 'string' && isId(name)) return name;
  throw syntaxError(params, `${method} request params must be <id>`);
}

function lock(s: Session, call: Call): Json {
  const name = lockName(call);
  const { locks } = s.server;
  if (locks.has(s, name)) throw syntaxError(call.params, `must issue "unlock" before new "${call.method}"`);
  s.keep(name.length);
  return { locked: locks.take(s, name, call.method === 'steal') };
}

function unlock(s: Session, call: Call): Json {
  const name = lockName(call);
  if (!s.server.locks.has(s, name)) throw syntaxError(call.params, 'unlock: "unlock" without "lock" or "steal"');
  s.server.locks.release(s, name);
  s.keep(-name.length);
  return {};
}

function monitor(s: Session, call: Call, kind: MonitorKind): RawJson {
  const served = database(s, call);
  const { params } = call;
  if (params.length !== (kind.since ? 4 : 3)) throw syntaxError(params, 'invalid parameters');
  const [, id, requests, lastJson] = params;
  const key = sortedJson(id);
  if (s.monitors.has(key)) throw syntaxError(id, 'duplicate monitor ID');
  const request = parseMonitorRequest(requests, served.db, kind.conditional);
  const last = kind.since ? lastId(lastJson) : undefined;
  const shared = served.monitors.get(request);
  const conditions = new Conditions(request.conditions);
  s.addMonitor(key, { id, kind, served, shared, conditions, set: shared.enter(), weight: jsonWeight(params) });
  const missed = last === undefined ? undefined : served.history.since(last);
  const tables = missed ? shared.since(missed, kind, conditions) : shared.initial(kind, conditions);
  const text = tables?.text ?? '{}';
  return new RawJson(kind.since ? `[${missed !== undefined},"${served.history.last}",${text}]` : text);
}

function lastId(json: Json): string {
  if (typeof json !== 'string') throw syntaxError(json, 'last-txn-id must be string');
  const id = asUuid(json);
  if (id === undefined) throw syntaxError(json, 'last-txn-id must be UUID format.');
  return id;
}

function conditionChange(s: Session, { params, id: request }: Call): undefined {
  if (params.length !== 3) throw syntaxError(params, 'invalid parameters');
  const [id, newId, changes] = params;
  const m = s.monitors.get(sortedJson(id));
  if (!m) throw syntaxError(id, 'unknown monitor session');
  const newKey = sortedJson(newId);
  const taken = s.monitors.get(newKey);
  if (taken && taken !== m) throw syntaxError(newId, 'duplicate monitor ID');
  const tables = new Set(m.shared.tables.map((t) => t.table));
  // A monitor without conditions has none to change: they are not even read.
  const conditions = parseConditionChange(changes, m.served.db, tables, m.kind.conditional);
  s.flush();
  s.monitors.delete(sortedJson(id));
  m.id = newId;
  s.monitors.set(newKey, m);
  const old = m.conditions;
  m.conditions = old.with(conditions);
  const weight = jsonWeight(changes);
  m.weight += weight;
  s.keep(weight);
  const update = m.shared.conditionUpdate(m.kind, old, m.conditions);
  if (update) s.tell(m, update);
  s.reply(request, {});
}

function cancelMonitor(s: Session, { params, id }: Call): Json | undefined {
  if (params.length !== 1) throw syntaxError(params, 'invalid parameters');
  const key = sortedJson(params[0]);
  if (!s.monitors.has(key)) {
    s.error(id, 'unknown monitor');
    return undefined;
  }
  s.dropMonitor(key);
  return {};
}

function transact(s: Session, call: Call): undefined {
  const { db } = database(s, call);
  if (s.triggers.has(sortedJson(call.id))) throw syntaxError(call.params, 'transact: duplicate request ID');
  s.transact(db, call.params.slice(1), call.id);
}

function convert(s: Session, call: Call): undefined {
  const served = database(s, call);
  const { params } = call;
  if (params.length !== 2) throw syntaxError(params, 'array expected');
  const schema = parseSchema(params[1]);
  const { name } = served.db.schema;
  if (schema.name !== name) {
    const text = `new schema name (${schema.name}) does not match database name (${name})`;
    throw new OvsdbError('invalid parameters', text);
  }
  s.server.convert(name, schema, s);
  s.reply(call.id, {});
}

function setChangeAware(s: Session, { method, params }: Call): Json {
  const [aware] = params;
  if (params.length !== 1 || typeof aware !== 'boolean') {
    throw syntaxError(params, `${method}: true or false parameter expected`);
  }
  s.isChangeAware = aware;
  return {};
}

export const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['list_dbs', (s) => [...s.server.databases.keys()].sort()],
  ['get_schema', (s, call) => database(s, call).schemaText],
  ['transact', transact],
  ...[...MONITOR_KINDS.values()].map((k): [string, Method] => [k.name, (s, call) => monitor(s, call, k)]),
  ['monitor_cond_change', conditionChange],
  ['monitor_cancel', cancelMonitor],
  ['lock', lock],
  ['steal', lock],
  ['unlock', unlock],
  ['get_server_id', (s) => s.server.id],
  ['set_db_change_aware', setChangeAware],
  ['convert', convert],
]);
