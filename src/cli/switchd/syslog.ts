/** Ways to the system's log, as --syslog-method and --syslog-target of ovs-vswitchd(8) have them. */
import { createSocket } from 'node:dgram';
import { writeSync } from 'node:fs';
import { loadAddon } from '../../datapath/driver/load.js';
import { UserError } from '../../lib/errors.js';
import { formatEntry } from '../../switch/vlog/pattern.js';

const SYSLOG_PORT = 514;
const LOG_SOCKET = '/dev/log';

/** Takes a line and the level of its message, in capitals. */
export type Sender = (line: string, level: string) => void;

/** In front of a line: who says it, and how important it is. */
function head(pattern: string, program: string, level: string): string {
  const about = { module: '', level, message: '', elapsed: 0, number: 0, program };
  return formatEntry(pattern, { ...about, at: Date.now() });
}

/** To a server by UDP. Throws UserError. */
export function udpSender(target: string, option: string, program: string): Sender {
  const m = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]+))(?::(\d+))?$/.exec(target);
  if (!m) throw new UserError(`--${option} takes HOST:PORT, not "${target}"`);
  const host = m[1] ?? m[2];
  const port = Number(m[3] ?? SYSLOG_PORT);
  const socket = createSocket(m[1] ? 'udp6' : 'udp4');
  socket.on('error', () => {});
  socket.unref();
  return (line, level) => socket.send(head('<%B>%D{%h %e %T} %E %A: ', program, level) + line.trimEnd(), port, host);
}

/** To a socket of this machine. It may come later, and go: a message that cannot be said is not. */
function unixSender(path: string, pattern: string, program: string): Sender {
  let fd: number | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  const say = (text: string): void => {
    fd ??= loadAddon().openDatagram(path);
    writeSync(fd, text);
  };
  return (line, level) => {
    const text = head(pattern, program, level) + line.trimEnd();
    if (fd === undefined && performance.now() - triedAt < 1000) return;
    try {
      say(text);
    } catch (e) {
      if (e instanceof Error && 'code' in e && e.code === 'EAGAIN') return;
      // The server was started again behind another socket: the next message looks for it.
      triedAt = performance.now();
      fd = undefined;
    }
  };
}

/** "libc", "null", "unix:FILE", "udp:IP:PORT". Throws UserError. */
export function syslogMethod(method: string, program: string): Sender | undefined {
  if (method === 'null') return undefined;
  // As the C library writes it.
  if (method === 'libc') return unixSender(LOG_SOCKET, `<%B>%D{%h %e %T} ${program}[%P]: `, program);
  if (method.startsWith('unix:')) return unixSender(method.slice(5), '<%B>%D{%h %e %T} %E %A: ', program);
  if (method.startsWith('udp:')) return udpSender(method.slice(4), 'syslog-method=udp', program);
  throw new UserError(`unsupported syslog method '${method}'`);
}
