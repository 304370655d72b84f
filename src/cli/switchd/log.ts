/** The log of switchd, as its options want it. */
import { createSocket } from 'node:dgram';
import { UserError } from '../../lib/errors.js';
import { RealClock } from '../../switch/real-clock.js';
import { formatEntry } from '../../switch/vlog/pattern.js';
import { Vlog } from '../../switch/vlog/vlog.js';
import type { ProcessOptions } from './process.js';

const PROGRAM = 'ovs-vswitchd';
const SYSLOG_PORT = 514;

/** Sends lines to a syslog server. Throws UserError. */
function syslogTo(target: string): (line: string) => void {
  const m = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]+))(?::(\d+))?$/.exec(target);
  if (!m) throw new UserError(`--syslog-target takes HOST:PORT, not "${target}"`);
  const host = m[1] ?? m[2];
  const port = Number(m[3] ?? SYSLOG_PORT);
  const socket = createSocket(m[1] ? 'udp6' : 'udp4');
  socket.on('error', () => {});
  socket.unref();
  const about = { module: '', level: 'INFO', message: '', elapsed: 0, number: 0, program: PROGRAM };
  return (line) => {
    const head = formatEntry('<%B>%D{%h %e %T} %E %A: ', { ...about, at: Date.now() });
    socket.send(head + line.trimEnd(), port, host);
  };
}

/** `say` takes lines for the console. Throws UserError. */
export function makeVlog(options: ProcessOptions, say: (line: string) => void): Vlog {
  const { logFile, verbose, syslogTarget } = options;
  const syslog = syslogTarget === undefined ? undefined : syslogTo(syslogTarget);
  const vlog = new Vlog({ program: PROGRAM, clock: new RealClock(), console: say, syslog });
  for (const spec of verbose) vlog.set(spec);
  if (logFile !== undefined) vlog.openFile(logFile);
  return vlog;
}
