/** A command of the line, and what all commands work with. */
import { randomUUID } from 'node:crypto';
import { UserError } from '../../lib/errors.js';
import type { DatabaseSchema } from '../../ovsdb/schema/schema.js';
import type { Symbols } from '../../ovsdb/text/parse.js';
import type { ResultTable } from '../../ovsdb/text/table.js';
import type { Model, Row } from './model.js';

/** Columns to be read: by table. */
export class Needs {
  readonly columns = new Map<string, Set<string>>();

  constructor(readonly schema: DatabaseSchema) {}

  /** A table or column that an older schema does not have is passed over. */
  add(table: string, ...names: string[]): void {
    const t = this.schema.table(table);
    if (!t) return;
    const all = this.columns.get(table) ?? new Set();
    this.columns.set(table, all);
    for (const n of names) if (t.column(n)) all.add(n);
  }
}

interface Symbol {
  readonly uuid: string;
  created: boolean;
  strong: boolean;
  weak: boolean;
}

/** Names of rows, "@name", of one run. */
export class SymbolTable {
  private readonly all = new Map<string, Symbol>();

  private symbol(name: string): Symbol {
    const s = this.all.get(name) ?? { uuid: randomUUID(), created: false, strong: false, weak: false };
    this.all.set(name, s);
    return s;
  }

  /** For parsers of values. */
  readonly use: Symbols = (name, how) => {
    const s = this.symbol(name);
    s[how] = true;
    return s.uuid;
  };

  /** A row that is created under the name; its UUID. Throws UserError when the name has one already. */
  create(name: string): string {
    if (!name.startsWith('@')) throw new UserError(`row id "${name}" does not begin with "@"`);
    const s = this.symbol(name);
    if (s.created) {
      throw new UserError(`row id "${name}" may only be specified on one --id option`);
    }
    s.created = true;
    return s.uuid;
  }

  /** A row that exists, under a name. Throws UserError. */
  bind(name: string, uuid: string): void {
    if (!name.startsWith('@')) throw new UserError(`row id "${name}" does not begin with "@"`);
    const s = this.all.get(name);
    if (s) throw new UserError(`row id "${name}" specified on "get" command was used before it was defined`);
    // Who looked the row up has used it.
    this.all.set(name, { uuid, created: true, strong: true, weak: true });
  }

  /** Throws UserError for a name that was used and never created; returns warnings about those created in vain. */
  check(model: Model): string[] {
    const warnings: string[] = [];
    for (const [name, s] of this.all) {
      if (!s.created) {
        throw new UserError(
          `row id "${name}" is referenced but never created (e.g. with "-- --id=${name} create ...")`,
        );
      }
      if (s.strong) continue;
      const table = [...model.schema.tables.values()].find((t) => model.find(t.name, s.uuid));
      if (!table || table.isRoot) continue;
      warnings.push(
        s.weak
          ? `row id "${name}" was created but only a weak reference to it was inserted, so it will not actually appear in the database`
          : `row id "${name}" was created but no reference to it was inserted, so it will not actually appear in the database`,
      );
    }
    return warnings;
  }
}

/** The commands so far ask for what is not there yet: wait for the database to change, and begin anew. */
export class TryAgain extends Error {}

export interface Context {
  readonly model: Model;
  readonly symbols: SymbolTable;
  /** Of this command. */
  readonly args: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly mayExist: boolean;
  readonly ifExists: boolean;
  /** Adds a line to the command's output. */
  print(line: string): void;
  show(table: ResultTable): void;
  /** A line of the log, of one of its modules. */
  warn(module: string, text: string): void;
  /** Prints, after the transaction, the UUID that the database gave the row. */
  printUuid(row: Row): void;
  /** An interface whose fate is told after the switch has looked at it. */
  expect(iface: Row): void;
  exit(status: number): void;
}

export interface Command {
  readonly name: string;
  /** Options before its name; those that end in "=" take a value. */
  readonly options?: readonly string[];
  /** How many arguments: at least and at most. */
  readonly args: readonly [number, number];
  /** What --commands shows of the arguments. */
  readonly usage?: string;
  /** Adds the columns that it reads. Throws UserError. */
  needs?(needs: Needs, args: readonly string[], options: ReadonlyMap<string, string>): void;
  /** Throws UserError or TryAgain. */
  run(c: Context): void;
}

export const MANY = Number.POSITIVE_INFINITY;
