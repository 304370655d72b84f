/**
 * Frames of all sorts through two system ports on the ends of one veth pair: out by bursts or by messages, in by records or by the socket's ring, and
 * whatever way each takes they come in order, whole, and with their checksum and segmentation state.
 */
import { existsSync } from 'node:fs';
import t from 'tap';
import { labRefusal } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { GROUPS, pairOfPorts, type Sent, whole } from './groups.js';

const refusal = labRefusal() ?? needPrograms({ ip: 'iproute2' });
for (const { rxBytes, programs } of [
  { rxBytes: 0, programs: true },
  { rxBytes: 1 << 17, programs: true },
  { rxBytes: 0, programs: false },
]) {
  t.test(
    `frames of all sorts, in order, ring ${rxBytes || 'by choice'}, programs ${programs}`,
    { skip: refusal },
    (t) => {
      const { dp, came } = pairOfPorts(t, 'wfm', { kind: 'system', rxBytes, programs });
      const quick = programs && existsSync('/sys/kernel/btf/vmlinux');
      const way = {
        busy: quick ? /^records, \d+ KiB$/ : /^packet ring/,
        quiet: quick ? /^messages, until/ : /^packet ring/,
      };
      const send = programs ? /^bursts/ : /^messages/;
      let number = 0;
      for (let round = 0; round < 3; round++) {
        for (const { what, count, make } of GROUPS) {
          came.length = 0;
          const sent = Array.from({ length: count }, () => make(number++ % 64));
          for (const s of sent) dp.inject(1, s.frame, s.offload);
          for (let i = 0; i < 400 && came.length < count; i++) dp.run();
          t.same(came.map(whole), sent.map(whole), what);
          const kept = (s: Sent) => [s.offload.gsoType, s.offload.gsoSize];
          t.same(came.map(kept), sent.map(kept), `${what}: segmentation state`);
        }
      }
      for (const port of [1, 3]) {
        const c = dp.portCounters(port);
        t.equal(c.rx_packets, c.forwarded + c.drops.reduce((a, b) => a + b, 0) + c.held, `port ${port}: conserved`);
        t.equal(c.rx_errors, 0, `port ${port}: nothing lost`);
      }
      t.match(dp.portPaths(3), { receive: way.busy, send }, 'by the ways that were meant');
      t.match(
        dp.portPaths(2),
        { receive: rxBytes ? way.busy : way.quiet, send },
        'and where nothing came, by the one for that',
      );
      t.end();
    },
  );
}
