/**
 * Where link addresses were last seen: what the NORMAL action learns and asks.
 *
 * Entries are found by VLAN and address and kept in order of last use, oldest first, in a doubly linked list: aging looks at the head only and a full
 * table forgets the head. A refresh moves an entry to the end. An entry that moves to another port is replaced by a new object, so that who
 * holds the old one (a datapath flow) sees that it is over.
 */
import type { MacEntry, MacView } from '../upcall/view.js';

interface Entry extends MacEntry {
  /** Milliseconds of the switch's clock. */
  used: number;
  readonly isStatic: boolean;
  /** Until then, gratuitous ARP packets that a bond reflects move nothing. */
  lockedUntil: number;
  prev: Entry | undefined;
  next: Entry | undefined;
}

export interface MacTableOptions {
  /** Seconds; OVS's default is 300. */
  readonly agingTime: number;
  /** OVS's default is 8192. */
  readonly maxEntries: number;
}

export const MAC_TABLE_DEFAULTS: MacTableOptions = { agingTime: 300, maxEntries: 8192 };
/** How long a gratuitous ARP packet holds an address in place against its own echo through a bond. */
const GRATUITOUS_LOCK_MS = 5000;

/** A new address, or one that is no longer where it was. */
export type MacListener = (kind: 'learned' | 'gone', entry: MacEntry) => void;

export class MacTable implements MacView {
  private readonly vlans = new Map<number, Map<number, Entry>>();
  private head: Entry | undefined;
  private tail: Entry | undefined;
  private count = 0;
  options: MacTableOptions;
  /** VLANs in which nothing is learned, and everything flooded. */
  private floodVlans: ReadonlySet<number> = new Set();
  /** Counts for fdb/stats-show. */
  learned = 0;
  moved = 0;
  expired = 0;
  evicted = 0;

  constructor(
    private readonly onChange: MacListener,
    options: Partial<MacTableOptions> = {},
  ) {
    this.options = { ...MAC_TABLE_DEFAULTS, ...options };
  }

  get size(): number {
    return this.count;
  }

  /** Entries over a smaller size go at once, the oldest first; a shorter time counts from the next expiry on. */
  setOptions(options: MacTableOptions): void {
    this.options = options;
    while (this.count > options.maxEntries && this.evict());
  }

  /** Forgets what was learned when these are others than before. */
  setFloodVlans(vlans: ReadonlySet<number>): void {
    const same = vlans.size === this.floodVlans.size && [...vlans].every((v) => this.floodVlans.has(v));
    if (same) return;
    this.floodVlans = vlans;
    this.flush();
  }

  lookup(vlan: number, mac: number): MacEntry | undefined {
    if (this.floodVlans.has(vlan)) return undefined;
    return this.vlans.get(vlan)?.get(mac);
  }

  wouldLearn(vlan: number, mac: number, port: number): boolean {
    if (isMulticast(mac) || this.floodVlans.has(vlan)) return false;
    const e = this.vlans.get(vlan)?.get(mac);
    return !e || (!e.isStatic && e.port !== port);
  }

  /**
   * An address was seen as a source. Refreshes, adds or moves its entry. `gratuitous`: by a gratuitous ARP packet; `fromBond`: by a port of
   * a bond, which may be the echo of what was sent through another port of it.
   */
  learn(vlan: number, mac: number, port: number, now: number, gratuitous = false, fromBond = false): void {
    if (isMulticast(mac) || this.floodVlans.has(vlan)) return;
    const old = this.vlans.get(vlan)?.get(mac);
    if (old?.isStatic) return;
    if (old && gratuitous && fromBond && now < old.lockedUntil) return;
    if (old && old.port === port) {
      this.refresh(old, now);
      if (gratuitous && !fromBond) old.lockedUntil = now + GRATUITOUS_LOCK_MS;
      return;
    }
    if (old) {
      this.moved++;
      this.drop(old);
    } else {
      this.learned++;
      if (this.count >= this.options.maxEntries && !this.evict()) return;
    }
    const e = this.add(vlan, mac, port, now, false);
    if (gratuitous && !fromBond) e.lockedUntil = now + GRATUITOUS_LOCK_MS;
  }

  /** Marks an entry as used; the time never goes back. */
  refresh(entry: MacEntry, now: number): void {
    const e = this.vlans.get(entry.vlan)?.get(entry.mac);
    if (!e || e !== entry || now <= e.used) return;
    e.used = now;
    this.unlink(e);
    this.append(e);
  }

  /** An entry that traffic neither moves nor ages out. Replaces what is there. */
  addStatic(vlan: number, mac: number, port: number, now: number): void {
    const old = this.vlans.get(vlan)?.get(mac);
    if (old) this.drop(old);
    this.add(vlan, mac, port, now, true);
  }

  /** False when there is none. */
  remove(vlan: number, mac: number): boolean {
    const e = this.vlans.get(vlan)?.get(mac);
    if (e) this.drop(e);
    return e !== undefined;
  }

  /** False when there is none that is static. */
  removeStatic(vlan: number, mac: number): boolean {
    return this.vlans.get(vlan)?.get(mac)?.isStatic === true && this.remove(vlan, mac);
  }

  get statics(): number {
    let n = 0;
    for (const e of this.all()) if (e.isStatic) n++;
    return n;
  }

  clearCounts(): void {
    this.learned = this.moved = this.expired = this.evicted = 0;
  }

  /** Forgets what was learned; static entries stay. `port`: only what was learned there, static ones included (the port went away). */
  flush(port?: number): void {
    for (const e of [...this.all()]) {
      if (port === undefined ? !e.isStatic : e.port === port) this.drop(e);
    }
  }

  /** Removes what was not seen for the aging time. */
  expire(now: number): void {
    const limit = now - this.options.agingTime * 1000;
    for (let e = this.head; e; ) {
      const next: Entry | undefined = e.next;
      if (!e.isStatic) {
        if (e.used > limit) return;
        this.expired++;
        this.drop(e);
      }
      e = next;
    }
  }

  /** Oldest first. `age` is in whole seconds; undefined for static entries. */
  *entries(now: number): Generator<MacEntry & { readonly age: number | undefined }> {
    for (const e of this.all()) {
      yield { ...pick(e), age: e.isStatic ? undefined : Math.floor((now - e.used) / 1000) };
    }
  }

  private *all(): Generator<Entry> {
    for (let e = this.head; e; e = e.next) yield e;
  }

  private evict(): boolean {
    for (let e = this.head; e; e = e.next) {
      if (e.isStatic) continue;
      this.evicted++;
      this.drop(e);
      return true;
    }
    return false;
  }

  private add(vlan: number, mac: number, port: number, now: number, isStatic: boolean): Entry {
    const e: Entry = {
      vlan,
      mac,
      port,
      live: true,
      used: now,
      isStatic,
      lockedUntil: 0,
      prev: undefined,
      next: undefined,
    };
    let byMac = this.vlans.get(vlan);
    if (!byMac) {
      byMac = new Map();
      this.vlans.set(vlan, byMac);
    }
    byMac.set(mac, e);
    this.append(e);
    this.count++;
    this.onChange('learned', e);
    return e;
  }

  private drop(e: Entry): void {
    const byMac = this.vlans.get(e.vlan);
    byMac?.delete(e.mac);
    if (byMac?.size === 0) this.vlans.delete(e.vlan);
    this.unlink(e);
    this.count--;
    e.live = false;
    this.onChange('gone', e);
  }

  private append(e: Entry): void {
    e.prev = this.tail;
    e.next = undefined;
    if (this.tail) this.tail.next = e;
    else this.head = e;
    this.tail = e;
  }

  private unlink(e: Entry): void {
    if (e.prev) e.prev.next = e.next;
    else this.head = e.next;
    if (e.next) e.next.prev = e.prev;
    else this.tail = e.prev;
    e.prev = e.next = undefined;
  }
}

function pick(e: Entry): MacEntry {
  return { vlan: e.vlan, mac: e.mac, port: e.port, live: e.live };
}

/** The group bit of a 48-bit address: never a source. */
export function isMulticast(mac: number): boolean {
  return (Math.floor(mac / 2 ** 40) & 1) === 1;
}

export function macText(mac: number): string {
  return mac
    .toString(16)
    .padStart(12, '0')
    .replace(/(..)(?=.)/g, '$1:');
}

/** The text of `ovs-appctl fdb/show`. */
export function fdbText(table: MacTable, now: number, portName: (port: number) => string): string {
  const lines = [' port  VLAN  MAC                Age'];
  for (const e of table.entries(now)) {
    const age = e.age === undefined ? 'static' : String(e.age).padStart(3);
    lines.push(`${portName(e.port).padStart(5)}  ${String(e.vlan).padStart(4)}  ${macText(e.mac)}  ${age}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The text of `ovs-appctl fdb/stats-show`. */
export function fdbStatsText(bridge: string, table: MacTable): string {
  return `Statistics for bridge "${bridge}":
  Current/maximum MAC entries in the table: ${table.size}/${table.options.maxEntries}
  Current static MAC entries in the table : ${table.statics}
  Total number of learned MAC entries     : ${table.learned}
  Total number of expired MAC entries     : ${table.expired}
  Total number of evicted MAC entries     : ${table.evicted}
  Total number of port moved MAC entries  : ${table.moved}
`;
}
