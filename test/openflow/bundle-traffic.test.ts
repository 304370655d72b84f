/**
 * Bundles of 10,000 flows while packets cross them. Each packet passes two tables, and each table writes the version of its flows into the packet: a
 * second bridge counts packets whose versions are not the same. A bundle with a fault in the middle leaves no trace.
 */
import '../support/isolate.js';

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { encode } from '../../src/openflow/message.js';
import { BUNDLE, BUNDLE_FLAGS } from '../../src/openflow/messages/bundle.js';
import { build, eth, ip4, udpLayer } from '../../src/packet/build.js';
import { LiveSwitch, unbalanced } from '../support/live.js';
import { flowMod, OfPeer } from '../support/of-peer.js';
import { numberOption } from '../support/options.js';
import { generate } from '../support/traffic.js';

const refusal = labRefusal() ?? needPrograms({ ip: 'iproute2' });
t.setTimeout(300_000);

/** In each of the two tables. */
const FLOWS = 5000;
const COMMITS = numberOption('commits', 6);
const FAULTY = 2;
const VERSIONS = COMMITS + FAULTY + 1;
const RATE = numberOption('rate', 5000);
/** FLOW_FLAG.checkOverlap. */
const CHECK_OVERLAP = 2;

/** The version is in the last byte of the source address by one table, in the type of service by the other. */
const mac = (version: number): string => `02:00:00:00:87:${(version + 1).toString(16).padStart(2, '0')}`;
const tos = (version: number): number => (version + 1) * 4;
const lines = (version: number): string[] =>
  Array.from({ length: FLOWS }, (_, i) => [
    `table=0,udp,tp_dst=${i},actions=mod_dl_src:${mac(version)},resubmit(,1)`,
    `table=1,udp,tp_dst=${i},actions=mod_nw_tos:${tos(version)},2`,
  ]).flat();

class Bundler {
  private id = 1;
  private xid = 1000;

  constructor(readonly peer: OfPeer) {}

  /** Adds all and commits. The answer to the commit, and errors about messages in it. */
  async commit(flows: readonly string[], faultAt = -1): Promise<{ done: boolean; errors: number[] }> {
    const { peer } = this;
    peer.got.length = 0;
    const id = this.id++;
    const flags = BUNDLE_FLAGS.atomic | BUNDLE_FLAGS.ordered;
    peer.send('bundle_control', { id, type: BUNDLE.open, flags }, this.xid++);
    flows.forEach((line, i) => {
      // What overlaps is found when it is applied, in the middle of the others.
      const mod = flowMod(line, 'add', i === faultAt ? CHECK_OVERLAP : 0);
      const xid = this.xid++;
      peer.send('bundle_add', { id, flags, message: encode('flow_mod', mod, { version: 5, xid }) }, xid);
    });
    const reply = await peer.reply(peer.send('bundle_control', { id, type: BUNDLE.commit, flags }, this.xid++), 60_000);
    const errors = peer.got.flatMap((m) => (m.kind === 'error' ? [m.value.type * 256 + m.value.code] : []));
    return { done: reply?.kind === 'bundle_control', errors };
  }
}

t.test('bundles while traffic runs', { skip: refusal }, async (t) => {
  const lab = new NetLab('wbn');
  t.teardown(() => lab.close());
  const host = lab.host('1');
  lab.veth('wbnx', 'wbny');
  const sw = new LiveSwitch(['--bridge', `wbn0=${host.outer},wbnx`, '--bridge', 'wbnc=wbny']);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const peer = await OfPeer.at(join(sw.dir, 'wbn0.mgmt'), 5);
  const check = await OfPeer.at(join(sw.dir, 'wbnc.mgmt'), 5);
  for (const p of [peer, check]) p.send('flow_mod', flowMod('', 'delete'));
  for (let v = 0; v < VERSIONS; v++) {
    check.send('flow_mod', flowMod(`priority=9,cookie=${v + 1},udp,dl_src=${mac(v)},nw_tos=${tos(v)},actions=drop`));
  }
  check.send('flow_mod', flowMod('priority=8,cookie=0xff,udp,actions=drop'));
  t.match(await check.reply(check.send('barrier_request', {})), { kind: 'barrier_reply' });
  const bundler = new Bundler(peer);
  t.same(await bundler.commit(lines(0)), { done: true, errors: [] }, 'the first version');

  /** Packets by version; the last of them those of no version. */
  const counted = (): number[] => {
    const text = sw.run('weft', 'ofctl', '-O', 'OpenFlow13', 'dump-flows', 'wbnc').stdout;
    const by = new Map([...text.matchAll(/cookie=(0x[0-9a-f]+),.* n_packets=(\d+)/g)].map((m) => [Number(m[1]), m[2]]));
    return [...Array.from({ length: VERSIONS }, (_, v) => v + 1), 0xff].map((cookie) => Number(by.get(cookie) ?? -1));
  };
  /** Datapath flows: how many, and those whose actions are of two versions. */
  const cached = (): { flows: number; mixed: string[] } => {
    const dump = sw.run('weft', 'appctl', 'dpctl/dump-flows').stdout.split('\n');
    const marked = dump.flatMap((line) => {
      const m = /actions:.*src=02:00:00:00:87:([0-9a-f]{2}).*tos=0x([0-9a-f]+)/.exec(line);
      return m ? [{ line, same: Number.parseInt(m[1], 16) * 4 === (Number.parseInt(m[2], 16) & 0xfc) }] : [];
    });
    return { flows: marked.length, mixed: marked.filter((m) => !m.same).map((m) => m.line) };
  };
  const flows = (): string =>
    sw
      .run('weft', 'ofctl', '-O', 'OpenFlow13', '--no-stats', '--sort', 'dump-flows', 'wbn0')
      .stdout.replace(/.*\(xid=.*\n/, '');

  const frames = Array.from({ length: FLOWS }, (_, port) =>
    build(
      [
        eth({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' }),
        ip4({ src: '10.87.0.1', dst: '10.87.0.2' }),
        udpLayer({ src: 1, dst: port }),
      ],
      60,
    ),
  );
  const load = generate(host.ns, frames, { rate: RATE });
  t.teardown(() => load.stop());
  const reaches = async (t: Test, version: number): Promise<void> => {
    const before = counted()[version];
    t.ok(await until(() => counted()[version] > before + 100, 20_000), `packets of version ${version} arrive`);
  };
  await reaches(t, 0);

  await t.test(`${COMMITS} commits of ${2 * FLOWS} flows`, async (t) => {
    for (let v = 1; v <= COMMITS; v++) {
      t.same(await bundler.commit(lines(v)), { done: true, errors: [] }, `version ${v} is in`);
      const { flows, mixed } = cached();
      t.same(mixed, [], `none of ${flows} datapath flows is of two versions`);
      t.ok(flows > FLOWS / 2);
      await reaches(t, v);
    }
    const all = counted();
    t.equal(all.at(-1), 0, `no packet of two versions: ${all.join(' ')}`);
  });

  await t.test('a fault in the middle', async (t) => {
    // Not the same match as another, and it overlaps all of them.
    const overlapping = `table=1,udp,nw_tos=0,actions=mod_nw_tos:${tos(COMMITS + 1)},2`;
    const before = flows();
    t.equal(before.split('\n').length, 2 * FLOWS + 1);
    const seen = counted();
    for (let n = 1; n <= FAULTY; n++) {
      const bad = lines(COMMITS + n);
      bad[FLOWS] = overlapping;
      const { done, errors } = await bundler.commit(bad, FLOWS);
      t.notOk(done, 'the commit is refused');
      // OFPFMFC_OVERLAP for the message, OFPBFC_MSG_FAILED for the bundle.
      t.same(errors, [5 * 256 + 3, 17 * 256 + 13], 'with an error for the message and one for the bundle');
      t.ok(flows() === before, 'the flows are as they were');
      await reaches(t, COMMITS);
    }
    const now = counted();
    t.same(now.slice(COMMITS + 1), seen.slice(COMMITS + 1), 'no packet saw any of it');
    t.equal(now.at(-1), 0, 'or of two versions');
    t.same(cached().mixed, []);
  });

  load.stop();
  const isQuiet = () => unbalanced(sw.counters()).length === 0;
  t.ok(await until(isQuiet, 10_000), 'received = forwarded + dropped + held');
  const { sent } = load.counters();
  const arrived = counted().reduce((a, b) => a + b, 0);
  t.ok(arrived > 0.9 * sent, `${arrived} of ${sent} packets arrived`);
  t.equal(await sw.stop(), 0);
  t.notMatch(sw.output, /Error|out of date|weft bug/, 'nothing to complain of');
});
