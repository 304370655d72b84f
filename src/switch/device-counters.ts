/**
 * What only the kernel counts of a device. One read tells it for all of them; where errors are told apart in files of their own, these are read only for a
 * device that has some. Devices that were moved to another network namespace are not seen.
 */
import { readFileSync } from 'node:fs';
import type { DeviceErrors as OfDeviceErrors } from '../bridge/port.js';

export interface DeviceErrors {
  readonly multicast: number;
  readonly collisions: number;
  readonly crc: number;
  readonly frame: number;
  readonly over: number;
  readonly missed: number;
}

/** Columns of /proc/net/dev after the name. */
const COLUMN = { drop: 3, frame: 5, multicast: 7, collisions: 13 } as const;

function told(name: string, file: string): number {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/statistics/${file}`, 'latin1'));
  } catch {
    return 0;
  }
}

/** By name of device; `text` is that of /proc/net/dev. */
export function deviceErrors(
  text: string,
  detail: (name: string, file: string) => number = told,
): Map<string, DeviceErrors> {
  const all = new Map<string, DeviceErrors>();
  for (const line of text.split('\n').slice(2)) {
    const colon = line.lastIndexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon).trim();
    const counts = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    const some = (column: number, file: string) => (counts[column] ? detail(name, file) : 0);
    all.set(name, {
      multicast: counts[COLUMN.multicast] ?? 0,
      collisions: counts[COLUMN.collisions] ?? 0,
      crc: some(COLUMN.frame, 'rx_crc_errors'),
      frame: some(COLUMN.frame, 'rx_frame_errors'),
      over: some(COLUMN.frame, 'rx_over_errors'),
      missed: some(COLUMN.drop, 'rx_missed_errors'),
    });
  }
  return all;
}

export function readDeviceErrors(): Map<string, DeviceErrors> {
  try {
    return deviceErrors(readFileSync('/proc/net/dev', 'latin1'));
  } catch {
    return new Map();
  }
}

/** So long what was read is told again: who asks for a thousand ports costs one read. */
const FRESH_MS = 100;

/** The same in the words of OpenFlow. */
export class DeviceCounters {
  private read = Number.NEGATIVE_INFINITY;
  private all = new Map<string, DeviceErrors>();

  constructor(
    private readonly now: () => number,
    private readonly reader: () => Map<string, DeviceErrors> = readDeviceErrors,
  ) {}

  of(device: string): OfDeviceErrors | undefined {
    const now = this.now();
    if (now - this.read >= FRESH_MS) {
      this.all = this.reader();
      this.read = now;
    }
    const e = this.all.get(device);
    if (!e) return undefined;
    return { rxFrameErrors: e.frame, rxOverErrors: e.over, rxCrcErrors: e.crc, collisions: e.collisions };
  }
}
