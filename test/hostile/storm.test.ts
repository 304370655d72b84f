/**
 * A port whose packets each want a decision and a mask of their own, as fast as a worker reads them, beside one with new flows of an ordinary sort: the first is
 * isolated, the second gets its decisions, and who looks sees both. Real packets through a switch of its own; no privileges.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { parseHex, put16, put32 } from '../../src/lib/bytes.js';
import { writePcap } from '../../src/packet/pcap.js';
import { UPCALL_LIMIT } from '../../src/switch/guard.js';
import { MASKS_A_PORT } from '../../src/upcall/mask-shapes.js';
import { LiveSwitch } from '../support/live.js';

/** Those of the other port: each source and destination a flow. */
const RULES = [
  'priority=40,in_port=2,udp,tp_dst=2000,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],output:3',
  'priority=30,udp,tp_dst=2000,actions=output:3',
  'priority=20,ip,nw_src=192.168.0.1,actions=output:3',
  'priority=10,udp,tp_src=12345,actions=output:3',
  'priority=0,actions=drop',
].join('\n');
const GOOD = 5000;
const BAD = 60_000;
const LONG = 30_000;

function udp(source: number, from: number, to: number, destination = 0x0a010001): Uint8Array {
  const f = parseHex(`0202020202020101010101010800${'4500002e0000000040110000'}${'00'.repeat(36)}`);
  put32(f, 26, source);
  put32(f, 30, destination);
  put16(f, 34, from);
  put16(f, 36, to);
  put16(f, 38, 26);
  return f;
}
/** Misses each rule by another bit of its field; no two are equal. */
const attack = (n: number): Uint8Array =>
  udp(
    0xc0a80001 ^ (1 << (31 - ((n >> 4) % 32))),
    12345 ^ (1 << (15 - ((n >> 9) % 16))),
    2000 ^ (1 << (15 - (n % 16))),
    0x0a010000 + (n >> 13),
  );

t.setTimeout(120_000);
const refusal = needPrograms({ 'ovs-ofctl': OVS_PROGRAMS['ovs-ofctl'], 'ovs-appctl': OVS_PROGRAMS['ovs-appctl'] });

t.test('a storm of masks', { skip: refusal ?? false, timeout: 120_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-storm-'));
  const file = (name: string, n: number, frame: (i: number) => Uint8Array): string => {
    const path = join(dir, name);
    writeFileSync(path, writePcap(Array.from({ length: n }, (_, i) => frame(i))));
    return path;
  };
  const ports = {
    bad: `type=pcap,rx_pcap=${file('bad', BAD, attack)},loop=true`,
    good: `type=pcap,rx_pcap=${file('good', GOOD, (i) => udp(0x0a000000 + i, 1, 2000))},loop=true`,
    out: 'type=null',
  };
  const settings = Object.entries(ports).flatMap(([name, text]) => ['--port', `${name}:${text}`]);
  const sw = new LiveSwitch(['--bridge', `br0=${Object.keys(ports)}`, ...settings]);
  t.teardown(async () => {
    await sw.close();
    rmSync(dir, { recursive: true, force: true });
  });
  t.ok(await sw.ready(), 'it starts');
  const appctl = (...args: string[]): string => sw.run('ovs-appctl', ...args).stdout;
  const limit = `each port: masks ${MASKS_A_PORT}, limit ${UPCALL_LIMIT.rate} a second, ${UPCALL_LIMIT.burst} at once`;
  t.match(appctl('weft/upcalls'), limit, 'ports have a limit from the start');
  writeFileSync(join(dir, 'rules'), RULES);
  t.equal(sw.run('ovs-ofctl', '--bundle', 'replace-flows', 'br0', join(dir, 'rules')).status, 0);

  const line = (port: string): RegExpExecArray | null =>
    new RegExp(`port ${port}: masks (\\d+)(, isolated)?, over its masks (\\d+), dropped upcall_rate (\\d+)`).exec(
      appctl('weft/upcalls'),
    );
  const over = () => Number(line('bad')?.[4]);
  t.ok(await until(() => line('bad')?.[2] !== undefined && over() > 0, LONG), appctl('weft/upcalls'));
  t.ok(Number(line('bad')?.[1]) <= MASKS_A_PORT + 2, 'with masks of its budget');
  t.equal(line('good')?.[2], undefined, 'the other is not');
  const said = `bad: isolated: its packets bring more than ${MASKS_A_PORT} masks`;
  t.ok(await until(() => sw.output.includes(said), LONG), 'the log says so');
  t.match(appctl('upcall/show'), / {2}port bad: masks \d+, isolated, over its masks \d+, dropped upcall_rate \d+/);
  t.match(appctl('coverage/show'), /upcall_mask_limit_hit.*total: [1-9]/);
  t.match(appctl('coverage/show'), /upcall_port_isolated.*total: 1\n/);
  t.match(appctl('coverage/show'), /datapath_drop_upcall_rate.*total: [1-9]/);
  t.match(appctl('dpctl/show', '-s'), /bad[^\n]*\n {4}RX packets:\d+ errors:\d+ dropped:[1-9]/);
  t.match(appctl('weft/drops'), /\d+ upcall_rate: The port used up its share of upcalls/);

  // It goes on and on, so that what is not decided is dropped again.
  const lost = (): number => Object.values(sw.counters().br0.good.drops).reduce((sum, n) => sum + n, 0);
  let last = -1;
  const isQuiet = (): boolean => {
    const before = last;
    last = lost();
    return last === before;
  };
  t.ok(await until(isQuiet, LONG), `each of ${GOOD} new flows of the other has its decision`);
  const { good } = sw.counters().br0;
  t.ok(good.forwarded > GOOD);
  t.equal(good.drops.upcall_rate ?? 0, 0, 'within its share');

  t.equal(sw.run('ovs-appctl', 'weft/upcall-limit', '0', 'x').status, 2);
  t.equal(sw.run('ovs-appctl', 'weft/upcall-limit', '0', '0').status, 0);
  t.match(appctl('weft/upcalls'), 'no limit');
});
