/** Two hosts with a native datapath between them: a wire of two flows, what a test sends through it, and what must hold afterwards. */
import type { Test } from 'tap';
import { type Host, NetLab, until } from '../../src/cli/lab/netlab.js';
import type { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { DROP_REASONS } from '../../src/datapath/drop-reasons.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';

/** A lab and datapaths of one test, which end with it: the lab last, so that devices go when nobody has them. */
export function stage<D extends NativeDriver[]>(t: Test, prefix: string, ...dps: D): [lab: NetLab, ...D] {
  const lab = new NetLab(prefix);
  t.teardown(() => {
    for (const dp of dps) dp.close();
    lab.close();
  });
  return [lab, ...dps];
}

/** The two hosts that `traffic` goes between. */
export function twoHosts(lab: NetLab, mtu?: number): [Host, Host] {
  const made = [1, 2].map((n) => {
    const h = lab.host(String(n), { address: `10.77.0.${n}/24`, ...(mtu === undefined ? {} : { mtu }) });
    lab.ip(`-n ${h.ns} addr add fd77::${n}/64 dev e0 nodad`);
    return h;
  });
  return [made[0], made[1]];
}

/** A wire: what arrives at one port leaves by the other. */
export function join(dp: NativeDriver, a: number, b: number): void {
  for (const [slot, from, to] of [
    [0, a, b],
    [1, b, a],
  ]) {
    const key = new Uint8Array(DP_KEY_BYTES);
    const mask = new Uint8Array(DP_KEY_BYTES);
    new DataView(key.buffer).setUint32(K.inPort.offset, from);
    mask.fill(0xff, K.inPort.offset, K.inPort.offset + 4);
    dp.flowPut(slot, key, mask, [{ type: 'output', port: to }]);
  }
}

const LOOKS = 200;

export function conserved(t: Test, dp: NativeDriver, ports: number[]): void {
  for (const p of ports) {
    let c = dp.portCounters(p);
    const dropped = (): number => c.drops.reduce((a, b) => a + b, 0);
    // Hosts say things of their own, and counters are read one after the other: some looks, until they are of one moment.
    for (let looks = 0; looks < LOOKS && c.rx_packets !== c.forwarded + dropped() + c.held; looks++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      c = dp.portCounters(p);
    }
    const drops = dropped();
    t.equal(c.rx_packets, c.forwarded + drops + c.held, `port ${p}: received = forwarded + dropped + held`);
    const said = c.drops.map((n, i) => (n ? `${DROP_REASONS[i].name} ${n}` : '')).filter(Boolean);
    if (said.length) t.comment(`port ${p} drops: ${said.join(', ')}`);
  }
}

export async function traffic(t: Test, lab: NetLab, h1: Host, h2ns: string, big: number): Promise<void> {
  // Link-local addresses are tentative for a while after a device comes up, and neighbours are not asked before.
  for (const to of ['10.77.0.2', 'fd77::2']) {
    const answers = () => lab.insideAsync(h1.ns, 'ping', '-c', '1', '-W', '1', to).then((r) => r.status === 0);
    t.ok(await until(answers, 10_000), `${to} answers`);
  }
  for (const [what, to, more] of [
    ['IPv4', '10.77.0.2', []],
    ['IPv6', 'fd77::2', []],
    ['largest that fits', '10.77.0.2', ['-M', 'do', '-s', String(big - 28)]],
    ['IPv4 fragments', '10.77.0.2', ['-s', '4000']],
    ['IPv6 fragments', 'fd77::2', ['-s', '4000']],
  ] as const) {
    t.equal((await lab.pings(h1.ns, to, 3, 2, ...more)).length, 3, `ping: ${what}`);
  }
  for (const [what, args] of [
    ['TCP over IPv4', ['-c', '10.77.0.2', '-t', '1']],
    ['TCP over IPv6', ['-c', 'fd77::2', '-t', '1']],
    ['UDP in datagrams of 1,400 bytes', ['-c', '10.77.0.2', '-u', '-b', '200M', '-l', '1400', '-t', '1']],
  ] as const) {
    const server = lab.startAsync('ip', ['netns', 'exec', h2ns, 'iperf3', '-s', '-1', '-J']);
    const listening = () => lab.insideAsync(h2ns, 'ss', '-ltn').then((r) => r.stdout.includes(':5201'));
    t.ok(await until(listening, 5000), 'iperf3 listens');
    const r = await lab.insideAsync(h1.ns, 'iperf3', '-J', ...args);
    server.child.kill();
    await server.done;
    const end = JSON.parse(r.stdout || '{}').end;
    const bps = end?.sum_received?.bits_per_second ?? end?.sum?.bits_per_second ?? 0;
    t.ok(bps > 50e6, `${what} passes`);
    t.comment(`${what}: ${(bps / 1e9).toFixed(2)} Gbit/s`);
  }
}
