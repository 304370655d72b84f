// Random tunnels and packets: what ovs-vswitchd puts around a frame, weft does, byte for byte. Left out: the source port of UDP, which hashes the inner
// packet, the name of an IPv4 packet, the number of a GRE packet, and the sums over them. With a number: so many tunnels; with another: that seed; with a third: the
// batch alone that begins with that tunnel.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { Random } from '../../src/lib/random.js';
import { build, eth, ip4, payload, udpLayer } from '../../src/packet/build.js';
import { DummyWorld } from '../dummy/world.js';
import '../support/isolate.js';

const PRELUDE = fileURLToPath(new URL('../../../test/tunnels/scripts/prelude.sh', import.meta.url));
const TUNNELS = Number(process.argv[2] ?? 40);
const SEED = Number(process.argv[3] ?? 1);
const ONLY = process.argv[4] === undefined ? undefined : Number(process.argv[4]);
const BATCH = 20;
/** A batch takes two seconds, on a busy machine many times that. */
const BATCH_MS = 30_000;
const TIMEOUT_MS = 60_000 + Math.ceil(TUNNELS / BATCH) * BATCH_MS;
t.setTimeout(TIMEOUT_MS);
const FIRST_POLICY_PORT = 20_000;
const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-vswitchd': OVS_PROGRAMS['ovs-vswitchd'],
});

const random = new Random(SEED);
const pick = <T>(...of: readonly T[]): T => of[random.below(of.length)];
const hex = (f: Uint8Array): string => Buffer.from(f).toString('hex');

/**
 * Extensions of VXLAN, and what a port's packets are. No group's policy is set: Open vSwitch has no header for it. Each tunnel that could have one is on a
 * UDP port of its own: the second on one port is refused by Open vSwitch, which takes its own datapath port behind the first for a tunnel without.
 */
function extensions(type: string, n: number): string[] {
  const policy = ['exts=gbp', `dst_port=${FIRST_POLICY_PORT + n}`];
  const exts = type === 'vxlan' ? pick<string[]>([], ['exts=gpe', 'dst_port=4790'], policy) : [];
  if (type !== 'gre' && !exts.includes('exts=gpe')) return exts;
  return [...exts, ...pick<string[]>([], ['packet_type=legacy_l3'], ['packet_type=ptap'])];
}

/** Words of ovs-vsctl, of ovs-ofctl, and the frame. */
function one(n: number): { port: string; flow: string; frame: string } {
  const type = pick('vxlan', 'gre', 'geneve', 'ip6gre');
  const v6 = type === 'ip6gre' || random.below(3) === 0;
  const remote = v6 ? '2001:cafe::92' : '1.1.2.92';
  const byFlow = random.below(4) === 0;
  const keyed = random.below(3) === 0;
  const options = [
    `remote_ip=${byFlow ? 'flow' : remote}`,
    // Every tunnel has a key of its own to take packets with, or it would be another's.
    `in_key=${n + 1}`,
    ...pick<string[]>([], [`out_key=${random.below(1 << 24)}`], [keyed ? 'out_key=flow' : 'out_key=0']),
    ...pick<string[]>([], ['tos=inherit'], [`tos=${random.below(64) * 4}`]),
    ...pick<string[]>([], ['ttl=inherit'], [`ttl=${1 + random.below(255)}`]),
    ...pick<string[]>([], ['df_default=false']),
    ...pick<string[]>([], ['csum=true']),
    ...pick<string[]>([], ['seq=true']),
    ...extensions(type, n),
  ];
  const port = `-- add-port int-br t${n} -- set interface t${n} type=${type} ofport_request=${n + 10} ${options.map((o) => `options:${o}`).join(' ')}`;
  const sets = [
    ...(byFlow ? [`set_field:${remote}->${v6 ? 'tun_ipv6_dst' : 'tun_dst'}`] : []),
    ...(keyed ? [`set_field:${random.below(1 << 24)}->tun_id`] : []),
    ...(type === 'geneve'
      ? pick<string[]>(
          [],
          ['set_field:0xdead->tun_metadata0'],
          ['set_field:7->tun_metadata0', 'set_field:0x99->tun_metadata1'],
        )
      : []),
  ];
  const frame = build([
    eth({ dst: '50:54:00:00:00:06', src: '50:54:00:00:00:05' }),
    ip4({ src: '10.0.0.1', dst: '10.0.0.2', tos: random.below(256), ttl: 1 + random.below(255) }),
    udpLayer({ src: n, dst: 9 }),
    payload(new Uint8Array(random.below(1200)).fill(n)),
  ]);
  return { port, flow: `udp,tp_src=${n},actions=${[...sets, `output:${n + 10}`].join(',')}`, frame: hex(frame) };
}

function script(from: number, count: number): string {
  const all = Array.from({ length: count }, (_, i) => one(from + i));
  return `underlay; overlay
ovs-ofctl add-tlv-map int-br "{class=0xffff,type=0,len=4}->tun_metadata0,{class=0x102,type=0x80,len=12}->tun_metadata1"
ovs-vsctl ${all.map((a) => a.port).join(' ')}
ovs-ofctl add-flows int-br - <<'END'
${all.map((a) => a.flow).join('\n')}
END
while read -r frame; do $A netdev-dummy/receive v1 "$frame"; done <<'END'
${all.map((a) => a.frame).join('\n')}
END
for i in $(seq 100); do [ "$($PCAP_HEX p0-tx.pcap | wc -l)" -gt ${count} ] && break; sleep 0.05; done
$PCAP_HEX p0-tx.pcap | tail -n +2 | cut -c17-
`;
}

/** Flags of GRE. */
const [CHECKSUM, KEY, SEQUENCE] = [0x8000, 0x2000, 0x1000];

/** Without what may differ. */
function plain(line: string): string {
  const f = Buffer.from(line, 'hex');
  if (f.length < 54) return line;
  const v6 = f.readUInt16BE(12) === 0x86dd;
  if (!v6) f.fill(0, 18, 20).fill(0, 24, 26);
  const l4 = v6 ? 54 : 34;
  if (f[v6 ? 20 : 23] !== 17) {
    const flags = f.readUInt16BE(l4);
    if (!(flags & SEQUENCE)) return f.toString('hex');
    const at = l4 + 4 + (flags & CHECKSUM ? 4 : 0) + (flags & KEY ? 4 : 0);
    f.fill(0, at, at + 4);
    if (flags & CHECKSUM) f.fill(0, l4 + 4, l4 + 6);
    return f.toString('hex');
  }
  f.fill(0, l4, l4 + 2);
  if (f.readUInt16BE(l4 + 6) !== 0) f.writeUInt16BE(0xffff, l4 + 6);
  return f.toString('hex');
}

t.test('the same bytes', { skip: refusal ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const world = new DummyWorld('--enable-dummy');
  const dir = mkdtempSync(join(tmpdir(), 'weft-tunnels-'));
  t.teardown(() => {
    rmSync(dir, { recursive: true });
    return world.close();
  });
  t.equal(await world.ready(), '');
  for (let from = 1; from <= TUNNELS; from += BATCH) {
    const count = Math.min(BATCH, TUNNELS + 1 - from);
    const file = join(dir, 'script');
    // Written of all, so that each is of the same tunnels with and without the others.
    writeFileSync(file, script(from, count));
    if (ONLY !== undefined && from !== ONLY) continue;
    const { ovs, weft } = await world.both(PRELUDE, file);
    const [a, b] = [weft, ovs].map((text) => text.split('\n').filter(Boolean).map(plain).sort());
    t.ok(b.length >= count, `${b.length} lines`);
    t.same(a, b, `from ${from}`);
  }
});
