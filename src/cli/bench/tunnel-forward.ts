/**
 * The same rate with a tunnel between the two ports: frames that go into one (`encap`), or packets of one that are taken apart (`decap`). The tunnel is carried
 * by a bridge of its own, whose route and neighbor are put in by hand.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bridge } from '../../bridge/bridge.js';
import { flowModFromText } from '../../bridge/flow-text.js';
import { NO_OFFLOAD } from '../../datapath/datapath.js';
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import { newPacket } from '../../datapath/reference/packet.js';
import { encapsulate } from '../../datapath/reference/tunnel.js';
import { extract } from '../../packet/extract.js';
import { DP_KEY_BYTES } from '../../packet/key.js';
import { readPcap, writePcap } from '../../packet/pcap.js';
import { Core } from '../../switch/core.js';
import { RealClock } from '../../switch/real-clock.js';
import { tunnelConfig } from '../../tunnel/config.js';
import { tunnelHeader } from '../../tunnel/header.js';

export type TunnelType = 'vxlan' | 'gre' | 'geneve';
export const isTunnelType = (text: string): text is TunnelType => ['vxlan', 'gre', 'geneve'].includes(text);

const OWN = Uint8Array.of(172, 31, 1, 1);
const PEER = Uint8Array.of(172, 31, 1, 2);
const PEER_MAC = Uint8Array.of(2, 0x11, 0x11, 0x11, 0x11, 0x12);
const OPTIONS = { remote_ip: '172.31.1.2', key: '77' };

const add = (b: Bridge, flow: string): void => b.flowMod(flowModFromText(flow, 'add', () => undefined));

/** Ports and flows in place, the source of frames last. Returns what takes its files away. */
export function connectTunnel(
  dp: NativeDriver,
  o: { readonly frames: string; readonly maxFlows: number; readonly type: TunnelType; readonly decap: boolean },
): () => void {
  const core = new Core({ dp, clock: new RealClock(), maxFlows: o.maxFlows, maxVlans: 1 });
  const phy = core.addBridge('br-phy', { name: 'br-phy', type: 'null' });
  const int = core.addBridge('br0', { name: 'br0', type: 'null' });
  const { underlay } = core;
  underlay.addAddress('br-phy', OWN);
  const way = { gateway: undefined, source: OWN, mark: 0, user: true, local: false };
  underlay.routes.add({ prefix: PEER, length: 32, device: 'br-phy', ...way });
  underlay.neighbors.learn('br-phy', PEER, PEER_MAC, core.now());
  core.addPort(int, { name: 't0', type: o.type, options: OPTIONS }, { number: 5 });
  core.addPort(o.decap ? int : phy, { name: 'out', type: 'null' }, { number: 2 });
  add(int, o.decap ? 'in_port=5,actions=output:2' : 'in_port=1,actions=output:5');
  add(phy, o.decap ? 'in_port=1,actions=output:LOCAL' : 'in_port=LOCAL,actions=output:2');
  core.settle();
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const file = o.decap ? join(dir, 'frames.pcap') : o.frames;
  if (o.decap) writeFileSync(file, writePcap(wrapped(readFileSync(o.frames), o.type, phy)));
  core.addPort(
    o.decap ? phy : int,
    { name: 'in', type: 'pcap', options: { rx_pcap: file, loop: 'true' } },
    { number: 1 },
  );
  return () => rmSync(dir, { recursive: true });
}

/** Each frame as it comes from the other end. */
function wrapped(pcap: Uint8Array, type: TunnelType, phy: Bridge): Uint8Array[] {
  const config = tunnelConfig('t0', type, OPTIONS);
  const header = tunnelHeader(config, {
    dstMac: phy.portByName('br-phy')?.hwAddr ?? PEER_MAC,
    srcMac: PEER_MAC,
    src: PEER,
    dst: OWN,
    tos: 0,
    ttl: 64,
    tunId: 77n,
    keyed: true,
    oam: false,
    bare: 0,
    gbp: { id: 0, flags: 0 },
    options: new Uint8Array(0),
  });
  const push = { type: 'tnl_push', port: 0, kind: config.kind, bare: false, header, out: 0 } as const;
  return readPcap(pcap).records.map(({ frame }, n) => {
    const p = newPacket(frame, NO_OFFLOAD, 0);
    const key = new Uint8Array(DP_KEY_BYTES);
    extract(frame, key, 1);
    encapsulate(p, key, push, () => n);
    return p.frame;
  });
}
