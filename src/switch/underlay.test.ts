/** What changes of the kernel's tables cost: who has tunnels that they do not touch notices nothing. */
import t from 'tap';
import type { Bridge } from '../bridge/bridge.js';
import type { BridgePort } from '../bridge/port.js';
import { parseIpv4 } from '../lib/address.js';
import { tunnelConfig } from '../tunnel/config.js';
import { MAX_NEIGHBORS, type Route } from '../tunnel/underlay.js';
import { Switch } from './switch.js';
import { narrowText, Underlay } from './underlay.js';

const ip = (text: string): Uint8Array => parseIpv4(text) ?? new Uint8Array(4);
const OWN = new Map([['br0', [ip('10.0.0.1')]]]);

function route(prefix: string, length: number, more: Partial<Route> = {}): Route {
  const own = { gateway: undefined, source: ip('10.0.0.1'), mark: 0, user: false, local: false };
  return { prefix: ip(prefix), length, device: 'br0', ...own, ...more };
}

/** An underlay over a bridge br0 with one tunnel, and a kernel whose answers can be changed. */
function stage(t: { teardown(f: () => void): void }) {
  const sw = new Switch();
  t.teardown(() => sw.close());
  const { bridge } = sw.bridge('br0');
  const port = bridge.portByName('br0') as BridgePort;
  const answers = new Map<string, Route>([['10.0.0.2', route('10.0.0.0', 24)]]);
  const count = { changed: 0, asked: 0, tables: 0 };
  const narrow: string[] = [];
  const names: string[] = [];
  const underlay = new Underlay({
    port: (name) => (name === 'br0' ? { bridge: bridge as Bridge, port } : undefined),
    changed: () => count.changed++,
    neighborChanged: (name) => names.push(name),
    wanted: () => {},
    narrow: (e) => narrow.push(narrowText(e, 'vm1')),
  });
  underlay.kernel = {
    way(to) {
      count.asked++;
      return answers.get([...to].join('.'));
    },
    source: () => undefined,
    table() {
      count.tables++;
      return [route('0.0.0.0', 0), route('10.0.0.0', 24)];
    },
  };
  underlay.take(
    tunnelConfig('v0', 'vxlan', { remote_ip: '10.0.0.2' }, () => {}),
    () => 9,
  );
  underlay.kernelChanged(OWN);
  return { underlay, answers, count, narrow, names };
}

t.test('only what was asked for is asked again, and what is as before touches nothing', (t) => {
  const { underlay, answers, count } = stage(t);
  t.match(underlay.route(ip('10.0.0.2'), 0), { device: 'br0' });
  t.equal(underlay.route(ip('10.9.9.9'), 0), undefined);
  underlay.route(ip('10.0.0.2'), 0);
  t.equal(count.asked, 2, 'an answer is kept');
  const { changed } = count;
  const { changes } = underlay;
  underlay.kernelChanged(OWN);
  t.equal(count.asked, 4);
  t.equal(count.changed, changed, 'the same answers');
  t.equal(underlay.changes, changes);
  answers.set('10.9.9.9', route('10.9.0.0', 16));
  underlay.kernelChanged(OWN);
  t.equal(count.changed, changed + 1, 'a way that was not there');
  t.match(underlay.route(ip('10.9.9.9'), 0), { device: 'br0' });
  answers.set('10.0.0.2', route('10.0.0.0', 24, { gateway: ip('10.0.0.254') }));
  underlay.kernelChanged(OWN);
  t.equal(count.changed, changed + 2, 'another next hop');
  t.equal(underlay.changes, changes + 2);
  underlay.kernelChanged(new Map([...OWN, ['br0', [ip('10.0.0.1'), ip('10.0.0.7')]]]));
  t.equal(count.changed, changed + 3, 'another address');
  t.equal(count.tables, 0, 'the table is for people');
  t.end();
});

t.test('of very many ways none is asked again', (t) => {
  const { underlay, count } = stage(t);
  for (let i = 0; i < 2000; i++) underlay.route(Uint8Array.of(10, 1, i >> 8, i & 255), 0);
  const { changed, asked } = count;
  underlay.kernelChanged(OWN);
  t.equal(count.asked, asked);
  t.equal(count.changed, changed + 1);
  t.end();
});

t.test('routes by hand go before the kernel, and are told with its own', (t) => {
  const { underlay } = stage(t);
  t.equal(underlay.marksMatter, false);
  underlay.routes.add(route('10.0.0.0', 24, { user: true, gateway: ip('10.0.0.9') }));
  underlay.routes.add(route('10.0.0.0', 24, { user: true, mark: 5 }));
  t.equal(underlay.marksMatter, true);
  t.same(underlay.route(ip('10.0.0.2'), 0)?.nextHop, ip('10.0.0.9'));
  t.same(
    underlay.table().map((r) => [r.length, r.user, r.mark]),
    [
      [24, true, 0],
      [24, true, 5],
      [24, false, 0],
      [0, false, 0],
    ],
  );
  underlay.routes.remove(ip('10.0.0.0'), 24, 5);
  t.equal(underlay.marksMatter, false);
  t.throws(() => underlay.routes.remove(ip('10.0.0.0'), 24, 5), 'Not found');
  t.end();
});

t.test('what does not fit is told once, and again when it is another', (t) => {
  const { underlay, narrow } = stage(t);
  const e = { kind: 'narrow', bridge: underlay, tunnel: 'v0', vport: 3, mtu: 1500, room: 1450 } as const;
  for (const room of [1450, 1450, 1400, 1450]) underlay.apply({ ...e, room }, 0);
  t.equal(narrow.length, 2);
  t.match(narrow[0], /^v0: packets from vm1 may have 1500 bytes, but only 1450 fit/);
  t.end();
});

t.test('a route that says what it takes goes before its device', (t) => {
  const { underlay, answers } = stage(t);
  underlay.hostVport = 5;
  const mtu = (more: Partial<Route>): number | undefined => {
    answers.set('10.9.9.9', route('10.9.0.0', 16, more));
    underlay.kernelChanged(OWN);
    return underlay.route(ip('10.9.9.9'), 0)?.mtu;
  };
  t.equal(mtu({ device: 'eth0', mtu: 1300, linkMtu: 1500 }), 1300);
  t.equal(mtu({ device: 'eth0', mtu: 0, linkMtu: 1500 }), 1500);
  t.equal(mtu({ mtu: 0, linkMtu: 1500 }), 0, 'through a bridge the ports say it');
  t.end();
});

t.test(
  'neighbors: who has another link address is named; of very many the oldest goes, and a mere packet takes no place',
  (t) => {
    const { underlay, names } = stage(t);
    const { neighbors } = underlay;
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
    const at = (i: number): Uint8Array => Uint8Array.of(10, 1, i >> 8, i & 255);
    for (let i = 0; i < MAX_NEIGHBORS; i++) neighbors.learn('br0', at(i), mac, i);
    t.equal(names.length, MAX_NEIGHBORS);
    neighbors.learn('br0', at(7), mac, 1e4);
    t.equal(names.length, MAX_NEIGHBORS, 'nothing new');
    neighbors.used('br0', at(0), 1e4);
    t.equal(neighbors.learn('br0', at(9000), mac, 1e4, true), false);
    t.equal(neighbors.learn('br0', at(9001), mac, 1e4), true);
    t.same(names.slice(MAX_NEIGHBORS), ['br0 10.1.0.1', 'br0 10.1.35.41'], 'the oldest that nobody uses goes');
    names.length = 0;
    neighbors.expire(2 + neighbors.agingMs);
    t.same(names, ['br0 10.1.0.2']);
    t.end();
  },
);

t.test(
  'the host listens for tunnels that no bridge carries, and where it can for fragments of those that one does',
  (t) => {
    const { underlay, answers } = stage(t);
    const config = (type: string, remote: string) => tunnelConfig('v1', type, { remote_ip: remote }, () => {});
    answers.set('10.9.9.9', route('10.9.0.0', 16, { device: 'eth0' }));
    t.equal(underlay.listensFor(config('vxlan', '10.0.0.2')), 'udp:4789?');
    t.equal(underlay.listensFor(config('gre', '10.9.9.9')), 'gre');
    t.equal(underlay.listensFor(config('vxlan', 'flow')), 'udp:4789');
    t.equal(underlay.listensFor(config('vxlan', '10.8.0.1')), undefined, 'no way');
    underlay.kernelChanged(new Map());
    t.equal(underlay.listensFor(config('vxlan', '10.0.0.2')), undefined, 'the kernel has no address there');
    t.end();
  },
);
