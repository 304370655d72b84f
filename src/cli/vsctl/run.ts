/**
 * One run of commands: the columns they read are fetched, the commands are applied in memory, what they changed is made one transaction; when somebody else
 * changed what they looked at, or a command waits, all begins anew on what the database has become. Then the switch's own answer is awaited: it sets
 * cur_cfg to the next_cfg that we set.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../lib/errors.js';
import { isArray, isObject, type Json, sortedJson } from '../../ovsdb/json/json.js';
import { formatTable } from '../../ovsdb/text/table.js';
import { type Context, Needs, SymbolTable, TryAgain } from './command.js';
import { type Connection, connect } from './connection.js';
import { Model, nameOf, type Row, Rows } from './model.js';
import type { Invocation, Run } from './options.js';
import { rootOf } from './switch-model.js';

const DATABASE = 'Open_vSwitch';

/** What one command left to print, and what must be known first. */
interface Printed {
  text: string;
  created: Row | undefined;
}

interface Attempt {
  readonly model: Model;
  readonly printed: readonly Printed[];
  readonly expected: readonly Row[];
  readonly warnings: readonly (readonly [string, string])[];
  readonly status: number;
  /** Tables are printed as they are, whatever --oneline says. */
  readonly isTable: readonly boolean[];
}

export interface Output {
  out(text: string): void;
  /** A line of a log, on standard error. */
  warn(module: string, text: string): void;
  error(text: string): void;
}

/** Fetches the columns and keeps them as they are in the database. */
class View {
  readonly rows: Rows;
  private changes = 0;
  private wake: () => void = () => {};

  constructor(
    private readonly connection: Connection,
    private readonly needs: Needs,
  ) {
    this.rows = new Rows(needs.schema);
    connection.onNotification = (method, params) => {
      if (method === 'update' && isObject(params[1])) this.rows.apply(params[1]);
      this.changes++;
      this.wake();
    };
  }

  async begin(): Promise<void> {
    const requests: Record<string, Json> = {};
    for (const [table, columns] of this.needs.columns) {
      const own = [...columns].filter((c) => c !== '_uuid');
      requests[table] = [{ columns: own }];
    }
    this.rows.apply(await this.connection.monitor(DATABASE, 'vsctl', requests));
  }

  get version(): number {
    return this.changes;
  }

  /** Resolves when the database is no more what it was at `version`. */
  async changedSince(version: number): Promise<void> {
    while (this.changes === version) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.connection.isLost) throw new UserError('the connection to the database ended');
  }
}

function attempt(run: Run, view: View): Attempt {
  const model = new Model(view.rows);
  const symbols = new SymbolTable();
  const printed: Printed[] = [];
  const expected: Row[] = [];
  const warnings: [string, string][] = [];
  const isTable: boolean[] = [];
  let status = 0;
  rootOf(model);
  for (const { command, args, options } of run.commands) {
    const p: Printed = { text: '', created: undefined };
    let table = false;
    const c: Context = {
      model,
      symbols,
      args,
      options,
      mayExist: options.has('--may-exist'),
      ifExists: options.has('--if-exists'),
      print(line) {
        p.text += `${line}\n`;
      },
      show(result) {
        table = true;
        // A blank line stands between records, not after a list without any.
        if (result.rows.length > 0 || run.style.format !== 'list') p.text += formatTable(result, run.style);
      },
      warn: (module, text) => warnings.push([module, text]),
      printUuid(row) {
        p.created = row;
      },
      expect: (iface) => expected.push(iface),
      exit(n) {
        status = n;
      },
    };
    command.run(c);
    printed.push(p);
    isTable.push(table);
    if (status !== 0) break;
  }
  const unused = symbols.check(model).map((text): [string, string] => ['vsctl', text]);
  return { model, printed, expected, warnings: [...warnings, ...unused], status, isTable };
}

function comment(run: Run, program: string): string {
  const words = run.commands.flatMap(({ command, args, options }, i) => [
    ...(i > 0 ? ['--'] : []),
    ...[...options].map(([n, v]) => (v === '' ? n : `${n}=${v}`)),
    command.name,
    ...args,
  ]);
  return `${program}: ${words.join(' ')}`;
}

type Result = { readonly kind: 'done'; readonly reply: readonly Json[] } | { readonly kind: 'again' };

/** Throws UserError when the database refuses. */
function judge(reply: readonly Json[], output: Output): Result {
  for (const r of reply) {
    if (!isObject(r) || r.error === undefined || r.error === null) continue;
    if (r.error === 'timed out' || r.error === 'aborted') return { kind: 'again' };
    const text = sortedJson(r);
    output.warn('ovsdb_idl', `transaction error: ${text}`);
    throw new UserError(`transaction error: ${text}`);
  }
  return { kind: 'done', reply };
}

function uuidOf(reply: Json): string | undefined {
  return isObject(reply) && isArray(reply.uuid) && typeof reply.uuid[1] === 'string' ? reply.uuid[1] : undefined;
}

/** UUIDs that the database gave our new rows. */
function inserted(ops: readonly Json[], reply: readonly Json[]): Map<string, string> {
  const all = new Map<string, string>();
  ops.forEach((op, i) => {
    const uuid = uuidOf(reply[i]);
    if (isObject(op) && typeof op['uuid-name'] === 'string' && uuid !== undefined) all.set(op['uuid-name'], uuid);
  });
  return all;
}

/** The last operations of a transaction that the switch shall follow: a new configuration number, and what it is. */
function numbering(model: Model): Json[] {
  const root = rootOf(model);
  const where: Json = root.isNew ? [] : [['_uuid', '==', ['uuid', root.uuid]]];
  return [
    { op: 'mutate', table: 'Open_vSwitch', where, mutations: [['next_cfg', '+=', 1]] },
    { op: 'select', table: 'Open_vSwitch', where, columns: ['next_cfg'] },
  ];
}

function numberOf(reply: Json): number {
  const [row] = isObject(reply) && isArray(reply.rows) ? reply.rows : [];
  return isObject(row) ? Number(row.next_cfg) : 0;
}

function curCfg(view: View): number {
  const table = view.rows.schema.table('Open_vSwitch');
  const [data] = view.rows.tables.get('Open_vSwitch')?.values() ?? [];
  const column = table?.column('cur_cfg');
  return data && column ? Number(data[column.index].keys[0]) : 0;
}

/** Tells of interfaces that the switch could not make. */
function tellFaults(expected: readonly Row[], uuids: ReadonlyMap<string, string>, view: View, output: Output): void {
  const table = view.rows.schema.table('Interface');
  const all = view.rows.tables.get('Interface');
  let any = false;
  for (const row of expected) {
    const uuid = uuids.get(nameOf(row.uuid));
    const data = uuid === undefined ? undefined : all?.get(uuid);
    const [port] = (data && table && data[table.column('ofport')?.index ?? 0].keys) ?? [];
    const [why] = (data && table && data[table.column('error')?.index ?? 0].keys) ?? [];
    if (port !== -1) continue;
    const [name] = row.data[table?.column('name')?.index ?? 0].keys;
    any = true;
    output.error(
      why === undefined
        ? `Error detected while setting up '${name}'.  See ovs-vswitchd log for details.`
        : `Error detected while setting up '${name}': ${why}.  See ovs-vswitchd log for details.`,
    );
  }
  if (any) output.error(`The default log directory is "${process.env.OVS_LOGDIR || '/var/log/openvswitch'}".`);
}

function write(run: Run, a: Attempt, uuids: ReadonlyMap<string, string>, output: Output): void {
  a.printed.forEach((p, i) => {
    const created = p.created && (uuids.get(nameOf(p.created.uuid)) ?? p.created.uuid);
    const text = created === undefined ? p.text : `${created}\n`;
    if (!run.oneline || a.isTable[i]) output.out(text);
    else output.out(`${text.replace(/\n$/, '').replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`);
  });
}

function collect(commands: readonly Invocation[], needs: Needs): void {
  needs.add('Open_vSwitch', 'cur_cfg');
  for (const { command, args, options } of commands) command.needs?.(needs, args, options);
}

/** Does what the command line says; returns the exit status. Rejects with UserError. */
export async function runCommands(run: Run, program: string, output: Output): Promise<number> {
  const connection = await connect(run.db, run.tls, run.retry);
  try {
    const needs = new Needs(await connection.schema(DATABASE));
    collect(run.commands, needs);
    const view = new View(connection, needs);
    await view.begin();
    for (;;) {
      const { version } = view;
      const done = await once(run, view, connection, program, output);
      if (done !== undefined) return done;
      // What we looked at has changed, and we may have heard of it already.
      await Promise.race([view.changedSince(version), sleep(1000, undefined, { ref: false })]);
    }
  } finally {
    connection.close();
  }
}

/** Undefined: it must be tried again. */
async function once(
  run: Run,
  view: View,
  connection: Connection,
  program: string,
  output: Output,
): Promise<number | undefined> {
  let a: Attempt;
  try {
    a = attempt(run, view);
  } catch (e) {
    if (e instanceof TryAgain) return undefined;
    throw e;
  }
  for (const [module, text] of a.warnings) output.warn(module, text);
  if (a.status !== 0 || a.model.isUnchanged || run.dryRun) {
    write(run, a, new Map(), output);
    return a.status;
  }
  const extra: Json[] = [{ op: 'comment', comment: comment(run, program) }];
  if (run.wait) extra.push(...numbering(a.model));
  const ops = a.model.operations(extra);
  const result = judge(await connection.transact(DATABASE, ops), output);
  if (result.kind === 'again') return undefined;
  const uuids = inserted(ops, result.reply);
  write(run, a, uuids, output);
  if (!run.wait) return 0;
  const wanted = numberOf(result.reply[ops.length - 1]);
  for (;;) {
    const { version } = view;
    if (curCfg(view) >= wanted) break;
    await view.changedSince(version);
  }
  tellFaults(a.expected, uuids, view, output);
  return 0;
}
