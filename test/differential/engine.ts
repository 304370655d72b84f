/** One engine with its own slow path, and everything that came out of it, to be compared with another one's. */
import type { Datapath, Offload, Upcall } from '../../src/datapath/datapath.js';
import { DROP_REASONS } from '../../src/datapath/drop-reasons.js';
import { encodeCookie } from '../../src/datapath/encode.js';
import { Controller, METERS } from './controller.js';

interface Event {
  readonly what: string;
  readonly key: Uint8Array;
  readonly frame: Uint8Array;
}

const NO_KEY = new Uint8Array();
const hex = (b: Uint8Array) => Buffer.from(b).toString('hex');
const offload = (o: Offload) => `${o.flags}/${o.gsoType}/${o.hdrLen}/${o.gsoSize}/${o.csumStart}/${o.csumOffset}`;

export class Engine {
  readonly controller: Controller;
  /** Upcalls in order, then the frames of each port in order: between ports the order is not told. */
  private upcalls: Event[] = [];
  private frames = new Map<number, Event[]>();

  constructor(
    readonly dp: Datapath,
    seed: number,
    readonly ports: readonly number[],
  ) {
    this.controller = new Controller(dp, seed);
    dp.setHandlers({
      upcall: (u) => this.upcall(u),
      frame: (vport, frame, o) => {
        const list = this.frames.get(vport) ?? [];
        list.push({ what: `frame of port ${vport}, offload ${offload(o)}`, key: NO_KEY, frame: frame.slice() });
        this.frames.set(vport, list);
      },
      portEvent: (vport, errno) => {
        this.upcalls.push({ what: `port ${vport} failed with ${errno}`, key: NO_KEY, frame: NO_KEY });
      },
    });
  }

  private upcall(u: Upcall): void {
    const cookie = u.cookie ? `${u.cookie.type} ${hex(encodeCookie(u.cookie))}` : '';
    const what = `${u.type} of port ${u.port} at ${u.timeNs}, offload ${offload(u.offload)} ${cookie}`;
    this.upcalls.push({ what, key: u.key.slice(), frame: u.frame.slice() });
    if (u.type === 'miss') this.controller.miss(u);
  }

  /** What came out since the last call. */
  takeEvents(): Event[] {
    const frames = [...this.frames].sort(([a], [b]) => a - b).flatMap(([, list]) => list);
    const all = [...this.upcalls, ...frames];
    this.upcalls = [];
    this.frames = new Map();
    return all;
  }

  /** Every counter as text. */
  counters(): string[] {
    const meters = METERS.map((id) => `meter ${id}: ${JSON.stringify(this.dp.meterCounters(id))}`);
    return [
      ...this.ports.map((p) => this.portText(p)),
      ...meters,
      ...this.controller.counters(),
      ...this.controller.deleted,
    ];
  }

  private portText(vport: number): string {
    const { drops, ...c } = this.dp.portCounters(vport);
    const why = drops.flatMap((n, i) => (n === 0 ? [] : [`${DROP_REASONS[i].name} ${n}`]));
    return `port ${vport}: ${JSON.stringify(c)} ${why.join(' ')}`;
  }

  /** How received packets ended, by name of the reason. */
  ends(): Map<string, number> {
    const ends = new Map<string, number>();
    const add = (name: string, n: number) => n > 0 && ends.set(name, (ends.get(name) ?? 0) + n);
    for (const vport of this.ports) {
      const c = this.dp.portCounters(vport);
      add('forwarded', c.forwarded);
      c.drops.forEach((n, i) => {
        add(DROP_REASONS[i].name, n);
      });
    }
    return ends;
  }

  /** Ports on which a received packet is unaccounted for. */
  leaks(): string[] {
    return this.ports.flatMap((vport) => {
      const c = this.dp.portCounters(vport);
      const ended = c.forwarded + c.held + c.drops.reduce((a, b) => a + b, 0);
      return ended === c.rx_packets ? [] : [`port ${vport}: ${c.rx_packets} received, ${ended} accounted for`];
    });
  }
}

/** The first difference between what two engines did, in words. */
export function firstDifference(plain: Engine, native: Engine): string | undefined {
  const [a, b] = [plain.takeEvents(), native.takeEvents()];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x?.what !== y?.what) return `event ${i}:\n  reference ${x?.what}\n  native    ${y?.what}`;
    for (const part of ['key', 'frame'] as const) {
      if (Buffer.compare(x[part], y[part]) !== 0) {
        return `event ${i} (${x.what}), ${part}:\n  reference ${hex(x[part])}\n  native    ${hex(y[part])}`;
      }
    }
  }
  return undefined;
}

export function counterDifference(plain: Engine, native: Engine): string | undefined {
  const [a, b] = [plain.counters(), native.counters()];
  const at = a.findIndex((line, i) => line !== b[i]);
  if (at >= 0) return `counters:\n  reference ${a[at]}\n  native    ${b[at]}`;
  return a.length === b.length ? undefined : `${a.length} counters against ${b.length}`;
}
