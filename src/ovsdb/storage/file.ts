/**
 * A database in a file that ovsdb-tool and ovsdb-server open, too. A transaction is appended in one write before anybody hears of it; where that fails the file is cut
 * back to what it was, and the transaction fails. The file is rewritten when it has grown much beyond what it holds.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import type { Clock } from '../../lib/clock.js';
import { UserError } from '../../lib/errors.js';
import { convertDatabase } from '../engine/convert.js';
import { type Committed, Database, type Storage } from '../engine/database.js';
import { exhausted } from '../engine/limits.js';
import { formatJson, type JsonObject } from '../json/json.js';
import { parseSchema } from '../schema/parse.js';
import type { DatabaseSchema } from '../schema/schema.js';
import { OvsdbError } from '../value/error.js';
import { readLog, record } from './log.js';
import { replay, snapshotRecord, transactionRecord } from './records.js';

export interface FileOptions {
  readonly clock: Clock;
  /** A fresh random UUID, in lower case. */
  readonly newUuid: () => string;
  /** Takes the lock of a lock file for this process and returns the descriptor that holds it. Throws an Error with `code` EAGAIN when another has it. */
  readonly lock?: (path: string) => number;
  readonly log?: (text: string) => void;
}

/** When a file is rewritten: those of ovsdb-server. */
const COMPACT_BYTES = 10 << 20;
const COMPACT_MS = 10 * 60_000;
/** A file of this size is not left to grow until the time has come: it must be read in one piece again, and no buffer that Node reads a file into is longer than MAX_BYTES. */
const COMPACT_SOON_BYTES = 512 << 20;
const MAX_BYTES = 2 ** 31 - 1;

function systemText(e: unknown): string {
  const known = e instanceof Error && 'errno' in e ? getSystemErrorMap().get(Number(e.errno)) : undefined;
  const text = known ? known[1] : e instanceof Error ? e.message : String(e);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export class FileStorage implements Storage {
  /** Bytes of the file that count. */
  private end = 0;
  /** The same after it was written anew, or opened. */
  private base = 0;
  private compactedAt: number;
  /** The file may be longer than `end`. */
  private isTorn = false;

  private constructor(
    readonly path: string,
    private readonly options: FileOptions,
    private fd: number,
    private readonly lockFd: number | undefined,
    private current: Database,
  ) {
    this.compactedAt = options.clock.now();
  }

  get db(): Database {
    return this.current;
  }

  /**
   * Opens a database's file. `schema`: what it must be; the file is made where there is none, and one of an older version is converted, after a copy was put
   * beside it. Undefined: whatever is there. Throws UserError.
   */
  static open(path: string, schema: DatabaseSchema | undefined, options: FileOptions): FileStorage {
    // A link is followed, so that the file it means is the one that is rewritten.
    const real = existsSync(path) ? realpathSync(path) : path;
    const lockFd = takeLock(real, options);
    try {
      if (schema && !existsSync(real)) return FileStorage.create(real, schema, options, lockFd);
      return FileStorage.read(real, schema, options, lockFd);
    } catch (e) {
      if (lockFd !== undefined) closeSync(lockFd);
      if (e instanceof UserError) throw e;
      throw new UserError(`${path}: ${e instanceof OvsdbError ? e.message : systemText(e)}`);
    }
  }

  /** What was just written is not read again. */
  private static create(
    path: string,
    schema: DatabaseSchema,
    options: FileOptions,
    lockFd: number | undefined,
  ): FileStorage {
    const bytes = record(formatJson(schema.toJson()));
    makeFile(path, bytes);
    const db = new Database(schema, options.newUuid);
    const storage = new FileStorage(path, options, openSync(path, 'r+'), lockFd, db);
    storage.end = bytes.length;
    storage.base = bytes.length;
    db.setStorage(storage);
    return storage;
  }

  private static read(
    path: string,
    schema: DatabaseSchema | undefined,
    options: FileOptions,
    lockFd: number | undefined,
  ): FileStorage {
    const bytes = readFileSync(path);
    const log = readLog(bytes);
    const [schemaJson, ...transactions] = log.records;
    if (log.isForeign || !schemaJson) throw new UserError(`${path}: ${log.fault ?? 'an empty file is no database'}`);
    const there = parseSchema(schemaJson);
    if (schema && there.name !== schema.name) {
      throw new UserError(`${path}: holds the database ${there.name}, not ${schema.name}`);
    }
    const db = new Database(there, options.newUuid);
    for (const [i, t] of transactions.entries()) {
      try {
        replay(db, t);
      } catch (e) {
        if (!(e instanceof OvsdbError)) throw e;
        throw new UserError(`${path}: transaction ${i + 1} does not apply: ${e.message}`);
      }
    }
    const storage = new FileStorage(path, options, openSync(path, 'r+'), lockFd, db);
    storage.end = log.end;
    storage.base = log.end;
    if (log.fault !== undefined) storage.dropTail(bytes, log.fault);
    if (schema && isOlder(there, schema)) storage.convert(schema, there);
    db.setStorage(storage);
    storage.current.setStorage(storage);
    return storage;
  }

  /** What is no record at the end goes. Where there are records behind it, it was no crash that tore it: all is kept in a copy. */
  private dropTail(bytes: Buffer, fault: string): void {
    const { log } = this.options;
    const lost = bytes.length - this.end;
    log?.(`${this.path}: ${fault}; the last ${lost} bytes are dropped`);
    if (bytes.indexOf('\nOVSDB JSON ', this.end) >= 0) {
      const copy = `${this.path}.damaged`;
      copyFileSync(this.path, copy);
      log?.(`${this.path}: the file as it was is in ${copy}`);
    }
    ftruncateSync(this.fd, this.end);
  }

  private convert(schema: DatabaseSchema, from: DatabaseSchema): void {
    const copy = `${this.path}.backup${from.version}-${from.cksum.replace(/ .*/, '')}`;
    copyFileSync(this.path, copy);
    const db = convertDatabase(this.current, schema, this.options.newUuid);
    this.options.log?.(
      `${this.path}: converted from version ${from.version} to ${schema.version}; a copy is in ${copy}`,
    );
    this.replace(db);
  }

  /** Puts a database of another schema in the place of ours. Throws OvsdbError "I/O error". */
  replace(db: Database): void {
    this.rewrite(db, 'converted by weft');
    this.current.setStorage(undefined);
    this.current = db;
    db.setStorage(this);
  }

  write(txn: Committed, durable: boolean): void {
    const json = transactionRecord(txn, Math.floor(this.options.clock.wall()));
    if (json) this.append(json, durable);
  }

  private append(json: JsonObject, durable: boolean): void {
    const bytes = record(formatJson(json));
    if (this.end + bytes.length > MAX_BYTES) throw exhausted(this.path, MAX_BYTES);
    let doing = 'write';
    try {
      if (this.isTorn) this.cutBack();
      this.isTorn = true;
      writeAll(this.fd, bytes, this.end);
      doing = 'fsync';
      if (durable) fdatasyncSync(this.fd);
      this.isTorn = false;
    } catch (e) {
      try {
        this.cutBack();
      } catch {
        // Tried again before the next write.
      }
      throw this.ioError(`${doing} failed`, e);
    }
    this.end += bytes.length;
    if (this.hasGrown) this.tryCompact();
  }

  private cutBack(): void {
    ftruncateSync(this.fd, this.end);
    this.isTorn = false;
  }

  private ioError(what: string, e: unknown): OvsdbError {
    const text = systemText(e);
    this.options.log?.(`${this.path}: ${what} (${text})`);
    return new OvsdbError('I/O error', `${this.path}: ${what}`, undefined, text);
  }

  private get hasGrown(): boolean {
    if (this.end < COMPACT_BYTES || this.end / 2 < this.base) return false;
    if (this.end >= COMPACT_SOON_BYTES) return true;
    return this.options.clock.now() - this.compactedAt >= COMPACT_MS;
  }

  /** The transaction is safe already: where there is no room for a new file, the old one goes on. */
  private tryCompact(): void {
    try {
      this.compact();
    } catch (e) {
      if (!(e instanceof OvsdbError)) throw e;
      this.compactedAt = this.options.clock.now();
    }
  }

  /** Writes the file anew, with nothing but what the database holds. Throws OvsdbError "I/O error"; the file is as before then. */
  compact(): void {
    this.rewrite(this.current, 'compacting database online');
  }

  private rewrite(db: Database, comment: string): void {
    const temporary = `${this.path}.tmp`;
    const date = Math.floor(this.options.clock.wall());
    let fd: number;
    let bytes: Uint8Array;
    try {
      bytes = Buffer.concat([
        record(formatJson(db.schema.toJson())),
        record(formatJson(snapshotRecord(db, date, comment))),
      ]);
      rmSync(temporary, { force: true });
      fd = openSync(temporary, 'wx+', 0o640);
      try {
        writeAll(fd, bytes, 0);
        fsyncSync(fd);
        renameSync(temporary, this.path);
      } catch (e) {
        closeSync(fd);
        rmSync(temporary, { force: true });
        throw e;
      }
    } catch (e) {
      throw this.ioError('compaction failed', e);
    }
    closeSync(this.fd);
    this.fd = fd;
    syncDirectory(this.path);
    this.end = bytes.length;
    this.base = bytes.length;
    this.isTorn = false;
    this.compactedAt = this.options.clock.now();
  }

  /** Everything is in the file; the lock is given back. */
  close(): void {
    this.current.setStorage(undefined);
    closeSync(this.fd);
    if (this.lockFd !== undefined) closeSync(this.lockFd);
  }
}

function takeLock(path: string, { lock }: FileOptions): number | undefined {
  if (!lock) return undefined;
  const file = join(dirname(path), `.${basename(path)}.~lock~`);
  try {
    return lock(file);
  } catch (e) {
    const code = e instanceof Error && 'code' in e ? e.code : '';
    if (code === 'EAGAIN' || code === 'EACCES') {
      const why = existsSync(file) && code === 'EAGAIN' ? 'another process has the database open' : systemText(e);
      throw new UserError(`${path}: failed to lock ${file}: ${why}`);
    }
    throw new UserError(`${path}: failed to lock ${file}: ${systemText(e)}`);
  }
}

function makeFile(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'wx', 0o640);
  try {
    writeAll(fd, bytes, 0);
    fsyncSync(fd);
  } catch (e) {
    rmSync(path, { force: true });
    throw e;
  } finally {
    closeSync(fd);
  }
  syncDirectory(path);
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}

/** So that a new name survives a power cut. Where the system cannot, nothing is lost but that. */
function syncDirectory(path: string): void {
  try {
    const fd = openSync(dirname(path), 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Some file systems refuse it.
  }
}

function isOlder(a: DatabaseSchema, b: DatabaseSchema): boolean {
  const [x, y] = [a, b].map((s) => s.version.split('.').map(Number));
  for (let i = 0; i < 3; i++) if ((x[i] || 0) !== (y[i] || 0)) return (x[i] || 0) < (y[i] || 0);
  return false;
}
