/**
 * Ports of several interfaces. One of them carries the port's traffic, the others stand by until it loses its link: active-backup, the mode that works
 * with any switch at the other end. To the OpenFlow tables each interface is a port of its own, as in OVS.
 */
import type { BridgePort } from '../../bridge/port.js';
import { formatMac } from '../../lib/address.js';
import type { BondSource, BondView } from '../commands/bond-commands.js';
import type { LinkStatus } from '../links.js';
import type { Made } from './apply.js';
import type { PortRow } from './tables.js';

interface Bond {
  row: PortRow;
  members: readonly Made[];
  active: Made | undefined;
}

export interface BondDeps {
  link(port: BridgePort): LinkStatus | undefined;
  /** Something that the log is told once. */
  say(text: string): void;
  log(text: string): void;
}

export class Bonds implements BondSource {
  /** By Port record. */
  private bonds = new Map<string, Bond>();

  constructor(private readonly deps: BondDeps) {}

  /** Takes up what was applied. Ports of one interface that were part of a bond carry traffic again. */
  set(all: Iterable<Made>): void {
    const members = new Map<string, Made[]>();
    for (const m of all) {
      const of = members.get(m.portRow._uuid);
      if (of) of.push(m);
      else members.set(m.portRow._uuid, [m]);
    }
    const before = this.bonds;
    this.bonds = new Map();
    for (const [id, list] of members) {
      const old = before.get(id);
      if (list.length === 1) {
        if (old) standby(list[0], false);
        continue;
      }
      const row = list[0].portRow;
      const { bond_mode: mode, lacp } = row;
      if (mode !== undefined && mode !== 'active-backup') {
        this.deps.say(`port ${row.name}: bond_mode ${mode} works as active-backup`);
      }
      if (lacp !== undefined && lacp !== 'off') this.deps.say(`port ${row.name}: LACP is not spoken`);
      list.sort((a, b) => (a.row.name < b.row.name ? -1 : 1));
      const active = old?.active && list.includes(old.active) ? old.active : undefined;
      this.bonds.set(id, { row, members: list, active });
    }
    this.look();
  }

  /** Chooses anew where the one that carries the traffic cannot. */
  look(): void {
    for (const b of this.bonds.values()) {
      const before = b.active;
      const primary = b.members.find((m) => m.row.name === b.row.other_config.get('bond-primary'));
      // The primary one takes the traffic back when it can carry it again.
      if (this.isUp(primary)) b.active = primary;
      else if (!this.isUp(b.active)) b.active = b.members.find((m) => this.isUp(m));
      if (b.active !== before) this.deps.log(`bond ${b.row.name}: active member is ${b.active?.row.name ?? 'none'}`);
      for (const m of b.members) standby(m, m !== b.active);
    }
  }

  private isUp(m: Made | undefined): boolean {
    return m?.port !== undefined && (this.deps.link(m.port)?.up ?? true);
  }

  views(): BondView[] {
    return [...this.bonds.values()].map(({ row, members, active }) => ({
      name: row.name,
      members: members.map((m) => ({
        name: m.row.name,
        up: this.isUp(m),
        mac: m.port ? formatMac(m.port.hwAddr) : '00:00:00:00:00:00',
      })),
      active: active?.row.name,
      primary: row.other_config.get('bond-primary'),
      updelay: row.bond_updelay,
      downdelay: row.bond_downdelay,
    }));
  }

  choose(bond: string, member: string): void {
    for (const b of this.bonds.values()) {
      const m = b.row.name === bond ? b.members.find((x) => x.row.name === member) : undefined;
      if (!m || !this.isUp(m)) continue;
      b.active = m;
      this.deps.log(`bond ${bond}: active member is ${member}`);
    }
    this.look();
  }

  /** Address of the active member; undefined where there is none. */
  activeAddress(portRow: string): string | undefined {
    const port = this.bonds.get(portRow)?.active?.port;
    return port && formatMac(port.hwAddr);
  }

  *rows(): Iterable<string> {
    yield* this.bonds.keys();
  }
}

function standby({ port, bridge }: Made, on: boolean): void {
  if (port) bridge.bridge.setStandby(port.number, on);
}
