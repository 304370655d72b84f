/**
 * pktgen without devices: frames go into a memory port of a switch inside this program, through a bridge whose only flow is output to a second
 * memory port, and come out there. Time is the machine's, the switch has no threads: what is measured is the whole path in one thread.
 */
import { UserError } from '../../lib/errors.js';
import { RealClock } from '../../switch/real-clock.js';
import { Switch } from '../../switch/switch.js';
import type { PktgenOptions } from './parse.js';
import { type Report, reportText } from './report.js';
import type { Frames } from './templates.js';

const BATCH = 32;

export async function generateInMemory(o: PktgenOptions, frames: Frames): Promise<number> {
  if (o.receive !== undefined && o.receive !== 'memory') throw new UserError('--port memory receives on memory only');
  const clock = new RealClock();
  const sw = new Switch({ clock });
  const bridge = sw.bridge('br0');
  const into = bridge.addPort('p1');
  const out = bridge.addPort('p2');
  bridge.addFlow('in_port=1,actions=output:2');
  let received = 0;
  out.on('frame', () => {
    received++;
  });
  const start = clock.now();
  const end = o.durationMs > 0 ? start + o.durationMs : Number.POSITIVE_INFINITY;
  let sent = 0;
  let refused = 0;
  let bytes = 0;
  while (clock.now() < end && (o.count === 0 || sent + refused < o.count)) {
    const due =
      o.rate === 0 ? BATCH : Math.min(BATCH, Math.floor(((clock.now() - start) * o.rate) / 1000) + 1 - sent - refused);
    const left = o.count === 0 ? due : Math.min(due, o.count - sent - refused);
    for (let i = 0; i < left; i++) {
      const frame = frames.frames[(sent + refused) % frames.frames.length];
      if (into.send(frame)) {
        sent++;
        bytes += frame.length;
      } else {
        refused++;
      }
    }
    if (left > 0) sw.run();
    else await new Promise((resolve) => setImmediate(resolve));
  }
  sw.run();
  const seconds = (clock.now() - start) / 1000;
  sw.close();
  const rate = (n: number) => Math.round(n / seconds);
  const report: Report = {
    sent,
    refused,
    received,
    foreign: 0,
    reordered: 0,
    lost: sent - received,
    seconds,
    sentPps: rate(sent),
    receivedPps: rate(received),
    sentGbps: rate(bytes * 8) / 1e9,
    latency: null,
  };
  process.stdout.write(o.json ? `${JSON.stringify(report)}\n` : reportText(report, true));
  return sent > 0 && received === sent ? 0 : 1;
}
