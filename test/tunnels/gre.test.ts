// GRE with an end that was written for this, on a raw socket (gre-peer.ts), with key, checksum and number, by both underlays and families. With any argument:
// every combination of the three.
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { LiveSwitch } from '../support/live.js';
import '../support/isolate.js';
import { rawSocketMissing } from './peer.js';
import { INNER_MTU } from './traffic.js';

t.setTimeout(120_000);
const TIMEOUT_MS = 60_000;
const SOON = 10_000;
const PEER = fileURLToPath(new URL('./gre-peer.js', import.meta.url));
const FAMILIES = [
  { type: 'gre', family: '4', ours: '172.30.0.1', theirs: '172.30.0.2', bits: 24 },
  { type: 'ip6gre', family: '6', ours: 'fd00:30::1', theirs: 'fd00:30::2', bits: 64 },
] as const;
/** Words for the peer, which are options of ours with another value. */
const FEW = [[], ['key=4294967295', 'csum'], ['key=7', 'csum', 'seq']];
const VARIANTS =
  process.argv.length > 2 ? [...FEW, ['key=7'], ['csum'], ['seq'], ['key=7', 'seq'], ['csum', 'seq']] : FEW;

const skip = labRefusal() ?? rawSocketMissing() ?? false;

for (const underlay of ['bridge', 'host'] as const) {
  for (const { type, family, ours, theirs, bits } of FAMILIES) {
    t.test(`${type}, ${underlay}`, { skip, timeout: TIMEOUT_MS }, async (t) => {
      const lab = new NetLab('tgre');
      const sw = new LiveSwitch([]);
      t.teardown(async () => {
        await sw.closeWithPorts();
        lab.close();
      });
      t.ok(await sw.ready(), sw.output);
      const ns = lab.namespace('k');
      lab.veth('tgrew', 'e0', ns);
      const nodad = family === '6' ? ' nodad' : '';
      lab.ip(`-n ${ns} addr add ${theirs}/${bits} dev e0${nodad}`);
      lab.ip(`-n ${ns} link set e0 up`);
      const vsctl = (...words: string[]): void => {
        const r = sw.run('ovs-vsctl', '--timeout=10', ...words);
        if (r.status !== 0) t.fail(r.stderr);
      };
      const device = underlay === 'bridge' ? 'tgrephy' : 'tgrew';
      if (underlay === 'bridge') vsctl('add-br', device, '--', 'add-port', device, 'tgrew');
      lab.ip(`addr add ${ours}/${bits} dev ${device}${nodad}`);
      lab.ip(`link set ${device} up`);
      vsctl('add-br', 'tgreint');
      lab.ip('addr add 10.9.0.1/24 dev tgreint');
      lab.ip(`link set tgreint up mtu ${INNER_MTU}`);
      for (const words of VARIANTS) {
        const name = words.join(' ') || 'bare';
        const options = words.map((w) => `options:${w.includes('=') ? w : `${w}=true`}`);
        const tunnel = ['set', 'interface', 'g', `type=${type}`, `options:remote_ip=${theirs}`, ...options];
        vsctl('--if-exists', 'del-port', 'g', '--', 'add-port', 'tgreint', 'g', '--', ...tunnel);
        lab.run('ip', ['neigh', 'flush', 'dev', 'tgreint']);
        const { child } = lab.startAsync('ip', ['netns', 'exec', ns, process.execPath, PEER, ours, family, ...words]);
        let said = '';
        child.stdout?.on('data', (d) => {
          said += d;
        });
        const ping = (size: number, patience: string): boolean =>
          lab.run('ping', ['-c1', '-W', patience, '-s', `${size}`, '10.9.0.2'], true).status === 0;
        t.ok(await until(() => said.includes('ready'), SOON), name);
        t.ok(await until(() => ping(56, '0.1'), SOON), `${name}: it answers`);
        t.ok(ping(INNER_MTU - 28, '1'), `${name}: it answers all that fits`);
        t.ok(await until(() => said.includes('answered'), SOON), `${name}: and is answered`);
        t.notMatch(said, 'fault', name);
        child.kill();
      }
    });
  }
}
