/** What weft appctl and weft dpctl share: a command to a running switch, over its control socket, and what is said when there is none. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { callControl } from '../control/client.js';
import { UserError } from '../lib/errors.js';
import { runDirectory } from '../switch/of-sockets.js';
import { warn } from './alarm.js';
import { PROCESS, type Streams } from './streams.js';
import { strerror } from './strerror.js';

export const DEFAULT_TARGET = 'ovs-vswitchd';

/** There is no switch to speak to: exit status 1, where 2 is a command that was refused. */
export class Unreachable extends UserError {}

function readPid(file: string, streams: Streams): number {
  const fail = (why: string): never => {
    throw new Unreachable(`cannot read pidfile "${file}" (${why})`);
  };
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (e) {
    warn(streams, 'daemon_unix', `${file}: open: ${strerror(e)}`);
    return fail(strerror(e));
  }
  const pid = /^\d+/.test(text) ? Number.parseInt(text, 10) : 0;
  try {
    if (pid > 0) process.kill(pid, 0);
  } catch (e) {
    if (!(e instanceof Error && 'code' in e && e.code === 'EPERM')) return fail('No such process');
  }
  return pid > 0 ? pid : fail('No such process');
}

/** The path of a socket, or a program's name whose pid file is in the run directory. */
function socketOf(target: string, directory: string, streams: Streams): string {
  if (target.startsWith('/')) return target;
  return join(directory, `${target}.${readPid(join(directory, `${target}.pid`), streams)}.ctl`);
}

function open(path: string, streams: Streams): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const s = connect(path);
    s.once('connect', () => {
      s.removeAllListeners('error');
      resolve(s);
    });
    s.once('error', (e) => {
      warn(streams, 'unixctl', `failed to connect to ${path}`);
      reject(new Unreachable(`cannot connect to "${path}" (${strerror(e)})`));
    });
  });
}

/** The reply's text. Rejects with Unreachable, or with UserError when the switch says no. */
export async function command(
  target: string | undefined,
  method: string,
  args: readonly string[],
  streams = PROCESS,
  directory = runDirectory(),
): Promise<string> {
  const name = target ?? DEFAULT_TARGET;
  const stream = await open(socketOf(name, directory, streams), streams);
  try {
    return await callControl(stream, method, args);
  } catch (e) {
    if (e instanceof UserError && e.message === 'the switch closed the connection') {
      throw new Unreachable(`${name}: transaction error (End of file)`);
    }
    throw e;
  }
}
