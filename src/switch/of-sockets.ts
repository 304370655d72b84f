/** Where OpenFlow peers knock: Unix sockets in the run directory, `<bridge>.mgmt` for requests and `<bridge>.snoop` for listening in. */
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { UserError } from '../lib/errors.js';

/** The directory of sockets and pid files: $WEFT_RUNDIR, else $OVS_RUNDIR, else where OVS has it. */
export function runDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env.WEFT_RUNDIR || env.OVS_RUNDIR || '/var/run/openvswitch';
}

export function reason(e: unknown): string {
  const known = e instanceof Error && 'errno' in e ? getSystemErrorMap().get(Number(e.errno)) : undefined;
  return known ? known[1] : e instanceof Error ? e.message : String(e);
}

/** Of sockaddr_un. A longer path would be cut without a word. */
const MAX_SOCKET_PATH = 107;

function checkPath(path: string): void {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    throw new UserError(
      `${path}: the path of a socket has at most ${MAX_SOCKET_PATH} bytes; choose a shorter run directory`,
    );
}

/** Not mkdirSync's own `recursive`: in /proc, where nothing can be made below what exists, it tries for ever. */
function makeDirectory(path: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory()) return;
  if (there) throw new UserError('not a directory');
  if (dirname(path) !== path) makeDirectory(dirname(path));
  mkdirSync(path, { mode: 0o755 });
}

/** Makes the run directory if needed. Throws UserError that says what to do when sockets cannot be made in it. `what`, `variable`: of another directory. */
export function prepareRunDirectory(directory: string, what = 'run directory', variable = 'WEFT_RUNDIR'): void {
  try {
    makeDirectory(directory);
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (e) {
    throw new UserError(`cannot write to the ${what} ${directory} (${reason(e)}); set ${variable} to one you own`);
  }
}

/** Removes control sockets that dead processes of a name left behind. For who holds the pid file: then no other is alive. */
export function removeStaleControl(directory: string, program: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(`${program}.`) && name.endsWith('.ctl')) rmSync(join(directory, name), { force: true });
  }
}

/** True when somebody answers on the socket. */
export function isAlive(path: string): Promise<boolean> {
  // An error that is foreseen costs 2 ms of a start.
  if (!existsSync(path)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const s = connect(path);
    s.on('connect', () => {
      s.destroy();
      resolve(true);
    });
    s.on('error', () => resolve(false));
  });
}

/**
 * Listens on a Unix socket. A socket that a dead process left behind is replaced; one that answers, or a file that is no socket, is an error.
 * The returned function stops listening and removes the socket.
 */
export async function listenUnix(path: string, accept: (stream: Socket) => void): Promise<() => Promise<void>> {
  checkPath(path);
  // What bind says of a directory that is not there reaches us as "permission denied".
  if (!existsSync(dirname(path))) throw new UserError(`cannot listen on ${path}: no such file or directory`);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there) {
    if (!there.isSocket()) throw new UserError(`${path} is in the way: it is not a socket`);
    if (await isAlive(path)) throw new UserError(`${path} is in use: another switch is running there`);
    unlinkSync(path);
  }
  const open = new Set<Socket>();
  const server: Server = createServer((stream) => {
    open.add(stream);
    stream.once('close', () => open.delete(stream));
    // A peer that resets is gone; whoever serves it hears 'close'.
    stream.on('error', () => stream.destroy());
    accept(stream);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (e) => reject(new UserError(`cannot listen on ${path}: ${reason(e)}`)));
    server.listen(path, resolve);
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const s of open) hangUp(s);
    });
}

/** A peer has so long to take what it was told before we hang up. */
const FAREWELL_MS = 300;

/** What was written still leaves, where the peer reads it. */
function hangUp(s: Socket): void {
  if (s.writableLength === 0) {
    s.destroy();
    return;
  }
  s.destroySoon();
  setTimeout(() => s.destroy(), FAREWELL_MS).unref();
}

/** Connects to a Unix socket. Rejects with UserError. */
export function connectUnix(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    checkPath(path);
    const s = connect(path);
    s.once('connect', () => {
      s.removeAllListeners('error');
      resolve(s);
    });
    s.once('error', (e) => reject(new UserError(`failed to connect to "${path}" (${reason(e)})`)));
  });
}
