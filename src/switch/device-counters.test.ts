import t from 'tap';
import { DeviceCounters, deviceErrors } from './device-counters.js';

const HEAD = 'Inter-|   Receive  |  Transmit\n face |bytes packets ...\n';

t.test('what the kernel counts of devices', (t) => {
  const asked: string[] = [];
  const all = deviceErrors(
    `${HEAD}    v0: 1 2 0 0 0 0 0 7 8 9 0 0 0 3 0 0\n eth0.5:1 2 3 4 0 6 0 1 8 9 0 0 0 0 0 0\n`,
    (name, file) => asked.push(`${name} ${file}`),
  );
  t.same(all.get('v0'), { multicast: 7, collisions: 3, crc: 0, frame: 0, over: 0, missed: 0 });
  t.same(all.get('eth0.5'), { multicast: 1, collisions: 0, crc: 1, frame: 2, over: 3, missed: 4 });
  t.same(
    asked,
    ['rx_crc_errors', 'rx_frame_errors', 'rx_over_errors', 'rx_missed_errors'].map((f) => `eth0.5 ${f}`),
    'only of a device that has some',
  );
  t.same([...deviceErrors('nothing\n').keys()], []);
  t.end();
});

t.test('counters of devices are read once for all that are asked for together', (t) => {
  let now = 0;
  let reads = 0;
  const errors = { multicast: 0, collisions: 1, crc: 2, frame: 3, over: 4, missed: 5 };
  const counters = new DeviceCounters(
    () => now,
    () => {
      reads++;
      return new Map([['v0', errors]]);
    },
  );
  t.same(counters.of('v0'), { rxFrameErrors: 3, rxOverErrors: 4, rxCrcErrors: 2, collisions: 1 });
  t.equal(counters.of('elsewhere'), undefined);
  now = 99;
  counters.of('v0');
  t.equal(reads, 1);
  now = 100;
  counters.of('v0');
  t.equal(reads, 2);
  t.end();
});
