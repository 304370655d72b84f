/** Where sockets and pid files are, and how unix sockets are opened there. */
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { UserError } from '../lib/errors.js';

/** $WEFT_RUNDIR, else $OVS_RUNDIR, else where Debian's Open vSwitch has it. */
export function runDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.WEFT_RUNDIR || env.OVS_RUNDIR || '/var/run/openvswitch';
}

/** sun_path holds 108 bytes with its terminating zero. */
const MAX_SOCKET_PATH = 107;

function sentence(e: unknown): string {
  const code = e instanceof Error && 'code' in e ? e.code : undefined;
  const known: Record<string, string> = {
    EACCES: 'Permission denied',
    EPERM: 'Operation not permitted',
    EROFS: 'Read-only file system',
    ENOENT: 'No such file or directory',
    ENOTDIR: 'Not a directory',
    ENOSPC: 'No space left on device',
    ECONNREFUSED: 'Connection refused',
    EADDRINUSE: 'Address already in use',
  };
  return (typeof code === 'string' && known[code]) || (e instanceof Error ? e.message : String(e));
}

/** Makes the directory when it is missing. Throws UserError that says what to do. */
export function makeRunDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (e) {
    throw new UserError(`cannot make run directory ${dir}: ${sentence(e)} (set WEFT_RUNDIR to one you may write)`);
  }
}

/**
 * Listens on a unix socket. A socket file that nobody answers on is what a killed program left: it is replaced. Rejects with UserError when
 * somebody answers, or the file cannot be made.
 */
export async function listenUnix(path: string, onConnection: (s: Socket) => void): Promise<Server> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new UserError(
      `${path}: a socket's path may have ${MAX_SOCKET_PATH} bytes (set WEFT_RUNDIR to a shorter one)`,
    );
  }
  if (await answers(path)) throw new UserError(`${path}: another switch listens there`);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
  } catch (e) {
    throw new UserError(`cannot remove stale socket ${path}: ${sentence(e)}`);
  }
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection);
    server.once('error', (e) => {
      reject(
        new UserError(
          `cannot listen on ${path}: ${sentence(e)} (is ${dirname(path)} writable? set WEFT_RUNDIR otherwise)`,
        ),
      );
    });
    server.listen(path, () => resolve(server));
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const s = connect(path);
    s.once('connect', () => {
      s.destroy();
      resolve(true);
    });
    s.once('error', () => resolve(false));
  });
}

/** Connects to a unix socket. Rejects with UserError. */
export function connectUnix(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const s = connect(path);
    s.once('connect', () => {
      s.removeAllListeners('error');
      resolve(s);
    });
    s.once('error', (e) => reject(new UserError(`failed to connect to "${path}": ${sentence(e)}`)));
  });
}
