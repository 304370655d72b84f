/**
 * Datapath ports that tunnels of one type and UDP port share. What is taken off at one is what any of its tunnels asks for; that is put together once and
 * kept, since each translation of a tunnel packet wants it.
 */
import { isGre, type TunnelFormat } from '../datapath/action.js';
import type { TunTable } from '../flow/tun-table.js';
import { IP_PROTO } from '../packet/wire/wire.js';
import type { TunnelConfig } from '../tunnel/config.js';
import { backerName, type TunnelEntry, type TunnelPorts } from '../tunnel/ports.js';

export interface Backer {
  readonly name: string;
  readonly vport: number;
  readonly kind: TunnelConfig['kind'];
  readonly dstPort: number;
  users: number;
}

interface Sharer extends TunnelEntry {
  readonly bridge: { readonly tun: TunTable };
}

/** Right as long as no tunnel comes or goes and no bridge gets another table of options: tables themselves never change. */
interface Known {
  readonly changes: number;
  readonly tables: ReadonlyMap<Sharer['bridge'], TunTable>;
  readonly format: TunnelFormat;
}

export class Backers {
  private readonly byName = new Map<string, Backer>();
  private readonly known = new Map<Backer, Known>();

  constructor(private readonly tunnels: TunnelPorts<Sharer>) {}

  get size(): number {
    return this.byName.size;
  }

  values(): Iterable<Backer> {
    return this.byName.values();
  }

  at(vport: number): Backer | undefined {
    for (const b of this.byName.values()) if (b.vport === vport) return b;
    return undefined;
  }

  /** Whose packets these are; `dstPort` counts for UDP. */
  of(proto: number, dstPort: number): Backer | undefined {
    for (const b of this.byName.values()) {
      if (isGre(b.kind) ? proto === IP_PROTO.gre : proto === IP_PROTO.udp && b.dstPort === dstPort) return b;
    }
    return undefined;
  }

  /** What some of them take off is not what flows were told; flows may be told anew. */
  areOther(): boolean {
    let other = false;
    for (const [b, before] of this.known) {
      if (this.isRight(before)) continue;
      other = true;
      this.known.delete(b);
    }
    return other;
  }

  private isRight({ changes, tables }: Known): boolean {
    if (changes !== this.tunnels.changes) return false;
    for (const [bridge, table] of tables) if (bridge.tun !== table) return false;
    return true;
  }

  formatOf(b: Backer): TunnelFormat {
    const { changes } = this.tunnels;
    const before = this.known.get(b);
    if (before && this.isRight(before)) return before.format;
    let [gbp, gpe, bare] = [false, false, false];
    const tables = new Map<Sharer['bridge'], TunTable>();
    for (const { vport, config, bridge } of this.tunnels.all()) {
      if (vport !== b.vport) continue;
      gbp ||= config.gbp;
      gpe ||= config.gpe;
      bare ||= config.layer !== 'legacy_l2';
      if (b.kind === 'geneve') tables.set(bridge, bridge.tun);
    }
    const options = [...tables.values()].flatMap((t) => t.places());
    const format = { kind: b.kind, gbp, gpe, bare, options };
    this.known.set(b, { changes, tables, format });
    return format;
  }

  /** The backer of a configuration: the one there is, or one that `open` makes. */
  take(config: TunnelConfig, open: (name: string) => number): Backer {
    const name = backerName(config);
    let backer = this.byName.get(name);
    if (!backer) {
      backer = { name, vport: open(name), kind: config.kind, dstPort: config.dstPort, users: 0 };
      this.byName.set(name, backer);
    }
    backer.users++;
    return backer;
  }

  /** One user less; the backer is returned when it was the last. */
  leave(vport: number): Backer | undefined {
    const backer = this.at(vport);
    if (!backer || --backer.users > 0) return undefined;
    this.byName.delete(backer.name);
    this.known.delete(backer);
    return backer;
  }
}
