// Packets that do not fit a tunnel with their header, on a wire with a real peer: the kernel's VXLAN device, or ovs-vswitchd. Where the tunnel's own packets may not be cut
// the sender is told what fits, and adapts; where they may, the other end puts them together, and we what it cut. By both underlays, over IPv4 and IPv6.
import t, { type Test } from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch } from '../support/live.js';
import { numberOption } from '../support/options.js';
import { RealOvs } from '../support/ovs.js';
import '../support/isolate.js';
import { CARRY } from './carry.js';

t.setTimeout(240_000);
const TIMEOUT_MS = 100_000;
const SOON = 15_000;
const UNDERLAY_MTU = 1500;
/** Of the hosts: a ping of 4,000 bytes is one packet there. */
const HOST_MTU = 4500;
const PING = 4000;
const TRANSFER = 3_000_000;
const ENDS = {
  4: { ours: '172.30.0.1', theirs: '172.30.0.2', bits: 24 },
  6: { ours: 'fd00:30::1', theirs: 'fd00:30::2', bits: 64 },
} as const;
type Family = keyof typeof ENDS;
const IP_HEADER = { 4: 20, 6: 40 } as const;
const nodad = (address: string): string => (address.includes(':') ? ' nodad' : '');

/** Two tunnels: one whose packets may not be cut, and one whose may. Their number is their key, and part of the addresses inside. */
const WHOLE = 10;
const CUT = 11;
const inside = (tunnel: number, end: 0 | 1 | 2, family: Family = 4): string =>
  family === 4 ? `10.9.${tunnel}.${end}` : `fd00:9:${tunnel}::${end}`;

class World {
  readonly lab = new NetLab('tfit');
  readonly sw = new LiveSwitch([]);
  /** The other end, and a host behind our bridge. */
  readonly peer = this.lab.namespace('k');
  readonly host = this.lab.host('h', { mtu: HOST_MTU }).ns;
  readonly device: string;

  constructor(
    readonly t: Test,
    readonly underlay: 'bridge' | 'host',
    readonly family: Family,
  ) {
    this.device = underlay === 'bridge' ? 'tfitphy' : 'tfitw';
  }

  ok(program: string, ...words: string[]): void {
    const r = this.sw.run(program, ...words);
    if (r.status !== 0) this.t.fail(`${words.join(' ')}: ${r.stderr}`);
  }

  /** Our end: the way to the other one, and a bridge with the host. */
  async begin(): Promise<void> {
    const { lab, peer, sw, device, family } = this;
    this.t.ok(await sw.ready(), sw.output);
    lab.veth('tfitw', 'e0', peer);
    lab.ip(`-n ${peer} link set e0 up`);
    if (device !== 'tfitw') this.ok('ovs-vsctl', 'add-br', device, '--', 'add-port', device, 'tfitw');
    const { ours, bits } = ENDS[family];
    lab.ip(`addr add ${ours}/${bits} dev ${device}${nodad(ours)}`);
    lab.ip(`link set ${device} up`);
    this.ok('ovs-vsctl', 'add-br', 'tfitint', '--', 'add-port', 'tfitint', 'tfith');
    this.addresses(this.host, 'e0', 1);
  }

  /** Those of a host inside, of both networks. */
  addresses(ns: string, device: string, end: 1 | 2, tunnels = [WHOLE, CUT]): void {
    for (const n of tunnels) {
      this.lab.ip(`-n ${ns} addr add ${inside(n, end)}/24 dev ${device}`);
      this.lab.ip(`-n ${ns} addr add ${inside(n, end, 6)}/64 dev ${device} nodad`);
    }
  }

  /** A tunnel port of ours. */
  tunnel(number: number, type: string, ...more: string[]): void {
    const options = [`remote_ip=${ENDS[this.family].theirs}`, `key=${number}`, ...more].map((o) => `options:${o}`);
    const port = `${type}${number}`;
    this.ok('ovs-vsctl', 'add-port', 'tfitint', port, '--', 'set', 'interface', port, `type=${type}`, ...options);
  }

  ping(ns: string, to: string, ...words: string[]): { readonly answered: boolean; readonly said: string } {
    const r = this.lab.inside(ns, 'ping', '-c1', '-W2', ...words, to);
    return { answered: r.status === 0, said: r.stdout };
  }

  /** The same until one is answered: on a crowded machine a peer may drop a few. */
  reaches(ns: string, to: string, ...words: string[]): Promise<boolean> {
    return until(() => this.ping(ns, to, ...words).answered, SOON);
  }

  async hasWay(to: string): Promise<boolean> {
    const way = await this.reaches(this.host, to);
    this.t.ok(way, `a way to ${to}`, way ? {} : { detail: this.sw.run('ovs-appctl', 'dpctl/dump-flows').stdout });
    return way;
  }

  /** The host is told how long packets may be, remembers it, and goes by it. */
  async adapts(to: string, family: Family, room: number, count: number): Promise<void> {
    const { t, host } = this;
    const headers = IP_HEADER[family] + 8;
    t.ok(
      await this.reaches(host, to, '-M', 'do', '-s', `${room - headers}`),
      `${to}: ${room} bytes fit, and nobody says otherwise`,
    );
    const long = this.ping(host, to, '-M', 'do', '-s', `${room - headers + 1}`);
    t.notOk(long.answered, `${to}: one more does not`);
    t.match(long.said, family === 4 ? `Frag needed and DF set (mtu = ${room})` : `Packet too big: mtu=${room}`);
    const route = this.lab.inside(host, 'ip', 'route', 'get', to).stdout;
    t.match(route, ` mtu ${room}`, `${to}: learnt`);
    const cut = await this.reaches(host, to, '-c', `${count}`, '-i', '0.2', '-s', `${PING}`);
    t.ok(cut, `${to}: ${PING} bytes are now cut by their sender`);
  }

  /** TCP that begins with segments which do not fit, from one namespace to the other. */
  async carries(from: string, to: string, what: string): Promise<void> {
    const r = await this.lab.insideAsync(from, process.execPath, CARRY, 'send', to, `${TRANSFER}`);
    this.t.equal(r.stdout, 'same', `TCP, ${what}`, { detail: r.stderr });
  }

  /** The same when no device is to cut: what leaves the host is as long as TCP makes it. */
  async learns(): Promise<void> {
    const { lab, host } = this;
    lab.inside(host, 'ethtool', '-K', 'e0', 'tso', 'off', 'gso', 'off');
    this.forget();
    const to = inside(WHOLE, 2);
    await this.carries(host, to, 'by what it is told');
    const route = lab.inside(host, 'ip', 'route', 'get', to).stdout;
    this.t.match(route, ` mtu ${vxlanRoom(this.family)}`, 'and it was');
  }

  /** Answers TCP. */
  async serve(ns: string): Promise<void> {
    const { child } = this.lab.startAsync('ip', ['netns', 'exec', ns, process.execPath, CARRY, 'serve']);
    let said = '';
    child.stdout?.on('data', (d) => {
      said += d;
    });
    if (!(await until(() => said.includes('ready'), SOON))) throw new Error(`no server in ${ns}`);
  }

  /** 4,000 bytes in one packet each way, of both families. */
  async together(tunnel: number, count: number): Promise<void> {
    const whole = ['-M', 'do', '-c', `${count}`, '-i', '0.2', '-s', `${PING}`];
    for (const f of [4, 6] as const) {
      const [here, there] = [inside(tunnel, 1, f), inside(tunnel, 2, f)];
      this.forget();
      this.t.ok(await this.reaches(this.host, there, ...whole), `${there}: ${PING} bytes in one packet`);
      this.forget();
      // What the kernel does not cut it may cut inside, once it has learnt what fits.
      const back = count > 1 ? whole.slice(2) : whole;
      this.t.ok(await this.reaches(this.peer, here, ...back), `${here}: and back`);
    }
  }

  /** What hosts learnt of ways. */
  forget(): void {
    for (const ns of [this.host, this.peer])
      for (const v of ['-4', '-6']) this.lab.ip(`-n ${ns} ${v} route flush cache`);
  }

  async warns(port: string, room: number): Promise<void> {
    const says = `${port}: packets from tfith may have ${HOST_MTU} bytes, but only ${room} fit`;
    await until(() => this.sw.output.includes(says), SOON);
    this.t.equal(this.sw.output.split(says).length, 2, `the log says so once: ${says}`);
  }

  async close(): Promise<void> {
    await this.sw.closeWithPorts();
    this.lab.close();
  }
}

const vxlanRoom = (family: Family): number => UNDERLAY_MTU - IP_HEADER[family] - 8 - 8 - 14;

/** The kernel's devices at the other end. Of the IPv4 packets that they have to send they learn nothing about the way, so that they cut. */
function kernelPeer(w: World): void {
  const { lab, peer, family } = w;
  const { ours, theirs, bits } = ENDS[family];
  lab.ip(`-n ${peer} addr add ${theirs}/${bits} dev e0${nodad(theirs)}`);
  // Each device speaks for its own addresses only.
  lab.inside(peer, 'sysctl', '-q', 'net.ipv4.conf.all.arp_ignore=1');
  for (const n of [WHOLE, CUT]) {
    lab.ip(`-n ${peer} link add vx${n} type vxlan id ${n} dstport 4789 remote ${ours} local ${theirs}`);
    lab.ip(`-n ${peer} link set vx${n} up mtu ${HOST_MTU}`);
    w.addresses(peer, `vx${n}`, 2, [n]);
    if (family === 4) lab.ip(`-n ${peer} route replace ${inside(n, 1)}/32 dev vx${n} mtu lock ${HOST_MTU}`);
  }
}

async function kernel(w: World): Promise<void> {
  kernelPeer(w);
  w.tunnel(WHOLE, 'vxlan');
  w.tunnel(CUT, 'vxlan', 'df_default=false');
  const room = vxlanRoom(w.family);
  // The kernel's device puts IPv6 packets together, but does not cut its own: who sends them learns, from the first that is lost.
  const count = w.family === 4 ? 1 : 3;
  for (const f of [4, 6] as const)
    if (await w.hasWay(inside(WHOLE, 2, f))) await w.adapts(inside(WHOLE, 2, f), f, room, count);
  if (await w.hasWay(inside(CUT, 2))) await w.together(CUT, count);
  await w.warns(`vxlan${WHOLE}`, room);
  w.forget();
  await Promise.all([w.serve(w.peer), w.serve(w.host)]);
  await w.carries(w.host, inside(CUT, 2), 'pieces there');
  await w.carries(w.peer, inside(CUT, 1), 'pieces back');
  await w.carries(w.host, inside(WHOLE, 2), 'segments of a device');
  await w.learns();
}

/** Another of ours, by the other underlay. */
async function weft(w: World): Promise<void> {
  const { lab, peer, family, t } = w;
  const { ours, theirs, bits } = ENDS[family];
  const sw = new LiveSwitch([], ['ip', 'netns', 'exec', peer]);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const device = w.underlay === 'host' ? 'phy' : 'e0';
  const phy = device === 'phy' ? ['add-br', 'phy', '--', 'add-port', 'phy', 'e0', '--'] : [];
  const options = [`remote_ip=${ours}`, `key=${CUT}`, 'df_default=false'].map((o) => `options:${o}`);
  const port = ['add-port', 'int', 'tun', '--', 'set', 'interface', 'tun', 'type=geneve', ...options];
  const mtu = ['set', 'interface', 'int', `mtu_request=${HOST_MTU}`, '--'];
  const r = sw.run('ovs-vsctl', ...phy, 'add-br', 'int', '--', ...mtu, ...port);
  t.equal(r.status, 0, r.stderr);
  lab.ip(`-n ${peer} addr add ${theirs}/${bits} dev ${device}${nodad(theirs)}`);
  lab.ip(`-n ${peer} link set ${device} up`);
  lab.ip(`-n ${peer} link set int up`);
  w.addresses(peer, 'int', 2);
  w.tunnel(CUT, 'geneve', 'df_default=false');
  if (await w.hasWay(inside(CUT, 2))) await w.together(CUT, 1);
}

/** ovs-vswitchd, which cuts nothing and puts nothing together: what we make of packets without DF it takes, and senders of the others are told by us. */
async function ovs(w: World): Promise<void> {
  const { lab, peer, family } = w;
  const { ours, theirs, bits } = ENDS[family];
  const other = new RealOvs('', peer);
  w.t.teardown(() => other.close());
  // It does not hear of checksums that a device is to make.
  lab.run('ethtool', ['-K', 'tfitw', 'tx', 'off']);
  const add = (name: string): string[] => ['add-br', name, '--', 'set', 'bridge', name, 'datapath_type=netdev'];
  other.vsctl(...add('phy'), '--', 'add-port', 'phy', 'e0', '--', ...add('int'));
  lab.ip(`-n ${peer} addr add ${theirs}/${bits} dev phy${nodad(theirs)}`);
  lab.ip(`-n ${peer} link set phy up`);
  const options = [`remote_ip=${ours}`, `key=${WHOLE}`].map((o) => `options:${o}`);
  other.vsctl('add-port', 'int', 'tun', '--', 'set', 'interface', 'tun', 'type=vxlan', ...options);
  lab.ip(`-n ${peer} link set int up mtu 1400`);
  w.addresses(peer, 'int', 2);
  // It asks for segments longer than it would send.
  lab.ip(`-n ${peer} route replace ${inside(WHOLE, 0)}/24 dev int src ${inside(WHOLE, 2)} advmss ${HOST_MTU - 40}`);
  w.tunnel(WHOLE, 'vxlan');
  for (const f of [4, 6] as const) {
    const to = inside(WHOLE, 2, f);
    if (!(await w.hasWay(to))) continue;
    if (f === 4) w.t.ok(await w.reaches(w.host, to, '-M', 'dont', '-s', `${PING}`), 'what may be cut inside is');
    await w.adapts(to, f, vxlanRoom(family), 1);
  }
  await w.serve(peer);
  w.forget();
  await w.carries(w.host, inside(WHOLE, 2), 'segments of a device');
  await w.learns();
}

const missing = needPrograms(OVS_PROGRAMS);
const PEERS = [
  { name: 'kernel', play: kernel, families: [4, 6] },
  { name: 'weft', play: weft, families: [6, 4] },
  { name: 'OVS', play: ovs, families: [4, 6], skip: missing },
] as const;
const full = numberOption('full', 0) > 0;

PEERS.forEach(({ name, play, families, ...rest }, i) => {
  for (const underlay of ['bridge', 'host'] as const) {
    for (const family of families) {
      // The quick form: each peer once or twice, each underlay and family with some.
      const quick =
        i === 0 ? (underlay === 'bridge') === (family === 4) : underlay === 'bridge' && family === families[0];
      if (!full && !quick) continue;
      const skip = labRefusal() ?? ('skip' in rest ? rest.skip : undefined) ?? false;
      t.test(`${name}, IPv${family}, ${underlay}`, { skip, timeout: TIMEOUT_MS }, async (t) => {
        const w = new World(t, underlay, family);
        t.teardown(() => w.close());
        await w.begin();
        await play(w);
      });
    }
  }
});
