/** What a bridge's owner may set, at random: mirrors, protected ports, members of bonds that stand by, VLANs that are flooded. */
import type { Bridge } from '../../src/bridge/bridge.js';
import type { MirrorSpec } from '../../src/bridge/mirror.js';
import type { Random } from '../../src/lib/random.js';

function randomMirror(r: Random, name: string, ports: number): MirrorSpec {
  const some = (): ReadonlySet<number> | 'all' =>
    r.chance(0.3) ? 'all' : new Set([r.between(1, ports), ...(r.chance(0.5) ? [r.between(1, ports)] : [])]);
  return {
    name,
    from: some(),
    to: r.chance(0.3) ? new Set() : some(),
    vlans: r.chance(0.4) ? new Set([r.below(3)]) : undefined,
    output: r.chance(0.6) ? { kind: 'port', port: r.between(1, ports) } : { kind: 'vlan', vlan: r.between(1, 3) },
    snaplen: r.chance(0.3) ? r.between(14, 100) : 0,
  };
}

/** Sets all of it anew; `share`: how often there is a mirror at all. */
export function randomOwner(r: Random, bridge: Bridge, ports: number, share: number): void {
  const n = r.chance(share) ? r.between(1, 3) : 0;
  bridge.setMirrors(Array.from({ length: n }, (_, i) => randomMirror(r, `m${i}`, ports)));
  for (let p = 1; p <= ports; p++) {
    bridge.setProtected(p, r.chance(0.2));
    bridge.setStandby(p, r.chance(0.1));
  }
  bridge.macs.setFloodVlans(new Set(r.chance(0.2) ? [r.below(3)] : []));
  bridge.setForwardBpdu(r.chance(0.2));
}
