/**
 * One tunnel port a type for every peer: where a packet goes is a flow's business, and so is what a packet is that comes in. A second machine
 * stands for a thousand: it has all of their addresses, and answers from the one that was asked.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../src/cli/lab/netlab.js';
import { build, eth, icmp4Layer, ip4, payload } from '../../src/packet/build.js';
import { generate } from '../support/traffic.js';
import type { Machine, Scenario, Stage, Watch } from './stage.js';

const REMOTES = 1000;
const HUB = '10.224.159.1';
const FAR = '10.224.159.2';
/** Remote number i has base + i, outside and in the tunnel: the low ten bits are its number. */
const OUTER_NET = '10.224.160.0/22';
const outer = (i: number): string => `10.224.${160 + (i >> 8)}.${i & 255}`;
const inner = (i: number): string => `10.1.${i >> 8}.${i & 255}`;
const OUTER_BASE = '0x0ae0a000';
const TUN_ID = 0x7d1;

/** Both types have the same key: what comes in is told apart by its port alone. */
interface Kind {
  readonly type: 'vxlan' | 'gre';
  readonly vm: number;
  readonly port: number;
  /** What the port is called within the pipeline. */
  readonly network: number;
  readonly table: number;
  readonly hubMac: string;
  readonly farMac: string;
}
const KINDS: readonly Kind[] = [
  {
    type: 'vxlan',
    vm: 1,
    port: 11,
    network: 0x51,
    table: 50,
    hubMac: '02:00:00:00:01:01',
    farMac: '02:00:00:00:02:01',
  },
  { type: 'gre', vm: 2, port: 12, network: 0x52, table: 51, hubMac: '02:00:00:00:01:02', farMac: '02:00:00:00:02:02' },
];
const VM_IP = '10.1.255.1';
const INGRESS = 10;

const hexIp = (text: string): string =>
  `0x${text
    .split('.')
    .map((x) => Number(x).toString(16).padStart(2, '0'))
    .join('')}`;

function ports(m: Machine, localIp: string): void {
  m.vsctl('add-br br-int -- set-fail-mode br-int secure');
  for (const k of KINDS) {
    const options = `options:key=flow options:local_ip=${localIp} options:remote_ip=flow`;
    m.vsctl(
      `add-port br-int ${k.type}0 -- set interface ${k.type}0 type=${k.type} ${options} ofport_request=${k.port}`,
    );
    m.vsctl(`add-port br-int vm${k.vm} -- set interface vm${k.vm} ofport_request=${k.vm}`);
  }
}

/** The flows of the one that talks to a thousand. */
function hubFlows(n: number): string[] {
  const remotes = Array.from({ length: n }, (_, i) => i + 1);
  return KINDS.flatMap((k) => [
    `table=0,tun_id=${TUN_ID},in_port=${k.port} actions=load:${k.network}->OXM_OF_METADATA[],resubmit(,${INGRESS})`,
    `table=${INGRESS},metadata=${k.network} actions=output:${k.vm}`,
    `table=0,ip,in_port=${k.vm} actions=move:NXM_OF_IP_DST[0..9]->NXM_NX_REG7[0..9],resubmit(,${k.table})`,
    ...remotes.map(
      (i) =>
        `table=${k.table},reg7=${i} actions=load:${TUN_ID}->NXM_NX_TUN_ID[],load:${hexIp(outer(i))}->NXM_NX_TUN_IPV4_DST[],output:${k.port}`,
    ),
  ]);
}

/** The thousand: an answer leaves from the address that was asked. */
function farFlows(): string[] {
  return KINDS.flatMap((k) => [
    `tun_id=${TUN_ID},in_port=${k.port} actions=output:${k.vm}`,
    `ip,in_port=${k.vm} actions=load:${OUTER_BASE}->NXM_NX_TUN_IPV4_SRC[],move:NXM_OF_IP_SRC[0..9]->NXM_NX_TUN_IPV4_SRC[0..9],` +
      `load:${hexIp(HUB)}->NXM_NX_TUN_IPV4_DST[],load:${TUN_ID}->NXM_NX_TUN_ID[],output:${k.port}`,
  ]);
}

function load(m: Machine, flows: readonly string[]): void {
  const file = join(m.sw.dir, 'flows');
  writeFileSync(file, `${flows.join('\n')}\n`);
  m.ofctl('add-flows', 'br-int', file);
}

const PATIENCE_MS = 45_000;

/** Every remote is asked; how many different ones are seen at each place. */
async function askAll(stage: Stage, k: Kind, vm: string, w: { vm: Watch; wire: Watch }): Promise<void> {
  const frames = Array.from({ length: REMOTES }, (_, i) =>
    build([
      eth({ src: k.hubMac, dst: k.farMac }),
      ip4({ src: VM_IP, dst: inner(i + 1) }),
      icmp4Layer({ rest: i }),
      payload(new Uint8Array(32)),
    ]),
  );
  const seen = (watch: Watch, what: string, tunnel: string | undefined): Set<string | undefined> => {
    const of = watch.frames().filter((f) => f.what === what && f.tunnel === tunnel);
    const right = of.filter((f) => {
      const end = (what === 'echo' ? f.to : f.from) ?? '';
      const [, , c, d] = end.split('.').map(Number);
      const i = c * 256 + d;
      if (end !== inner(i)) return false;
      if (tunnel === undefined) return f.src === k.farMac && f.to === VM_IP;
      return (
        f.key === TUN_ID && (what === 'echo' ? f.outerSrc === HUB && f.outerDst === outer(i) : f.outerSrc === outer(i))
      );
    });
    return new Set(right.map((f) => (what === 'echo' ? f.to : f.from)));
  };
  // Packets may be lost while a neighbor of the underlay is asked for, and as long as a switch on a busy machine has not heard of addresses and routes: who has
  // not answered is asked again.
  let sent = 0;
  const end = performance.now() + PATIENCE_MS;
  while (seen(w.vm, 'echo reply', undefined).size < REMOTES && performance.now() < end) {
    const load = generate(vm, frames, { count: REMOTES, rate: 2000 });
    await until(() => load.counters().done, 10_000);
    load.stop();
    sent += REMOTES;
    await until(() => seen(w.vm, 'echo reply', undefined).size >= REMOTES, 2000);
  }
  for (const [what, at, watch, tunnel] of [
    ['echo', 'asked on the wire, each at its own address', w.wire, k.type],
    ['echo reply', 'answer on the wire, from their own address', w.wire, k.type],
    ['echo reply', 'reach the machine that asked', w.vm, undefined],
  ] as const) {
    const found = seen(watch, what, tunnel);
    const missing = frames.map((_, i) => inner(i + 1)).filter((ip) => !found.has(ip));
    const detail = `${sent} packets sent${missing.length > 0 ? `; not ${missing.slice(0, 10).join(', ')}` : ''}`;
    stage.check(missing.length === 0, `${k.type}: ${found.size} of ${REMOTES} remotes ${at}`, detail);
  }
}

export const onePort: Scenario = {
  name: 'one-port',
  about: 'one tunnel port a type, whatever the number of machines: key=flow, remote_ip=flow',
  async play(stage: Stage) {
    const hub = await stage.machine('hub', `${HUB}/24`);
    // What it answers to are no addresses of its own: only a host's stack takes such routes.
    const far = await stage.machine('far', `${FAR}/24`, true);
    hub.ip(`route add ${OUTER_NET} via ${FAR}`);
    far.ip(`route add local ${OUTER_NET} dev lo`);
    const vms: string[] = [];
    for (const k of KINDS) {
      vms.push(stage.host(hub, `vm${k.vm}`, { mac: k.hubMac, address: `${VM_IP}/16` }));
      const ns = stage.host(far, `vm${k.vm}`, { mac: k.farMac, address: '10.1.255.2/16' });
      stage.lab.ip(`-n ${ns} route add local 10.1.0.0/22 dev lo`);
      stage.lab.ip(`-n ${ns} neigh replace ${VM_IP} lladdr ${k.hubMac} dev e0 nud permanent`);
    }
    ports(hub, HUB);
    ports(far, 'flow');
    load(hub, hubFlows(REMOTES));
    load(far, farFlows());
    const listed = hub.vsctl('list-ports br-int').trim().split('\n');
    stage.check(listed.length === 4, `one port a tunnel type, one a machine: ${listed.join(', ')}`);
    for (const k of KINDS) {
      const flows = hub.ofctl('dump-aggregate', 'br-int', `table=${k.table}`);
      stage.check(flows.includes(`flow_count=${REMOTES}`), `${REMOTES} flows for ${k.type}`, flows.trim());
    }
    const wire = await stage.watch(hub.ns, 'u0');
    for (const [i, k] of KINDS.entries()) {
      const vm = await stage.watch(vms[i], 'e0');
      await askAll(stage, k, vms[i], { vm, wire });
      const counts = hub.ofctl('dump-aggregate', 'br-int', `table=${INGRESS},metadata=${k.network}`);
      const packets = Number(/packet_count=(\d+)/.exec(counts)?.[1]);
      stage.check(packets >= REMOTES, `${k.type}: what came in is told apart by its port`, counts.trim());
    }
    const used = hub.ofctl('dump-flows', 'br-int', `table=${KINDS[0].table}`).match(/n_packets=[1-9]/g)?.length;
    stage.check(used === REMOTES, `each of ${used} flows carried packets`);
  },
};
