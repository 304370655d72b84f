import { UserError } from '../../lib/errors.js';
import type { DatapathConfig } from '../native.js';

const MIN_RING_BYTES = 1 << 19;

/** Throws UserError that names what is out of range. */
export function checkConfig(c: DatapathConfig): void {
  const range = (name: keyof DatapathConfig, lo: number, hi: number) => {
    const v = c[name];
    if (typeof v !== 'number' || !Number.isInteger(v) || v < lo || v > hi)
      throw new UserError(`datapath ${name}: ${String(v)} is not an integer from ${lo} to ${hi}`);
  };
  range('workers', 1, 64);
  range('maxFlows', 1, 1 << 24);
  range('maxPorts', 2, 1 << 16);
  range('maxVlans', 0, 2);
  range('buffers', 128, 1 << 22);
  range('pendingDepth', 1, 1 << 16);
  range('seed', 0, 0xffffffff);
  for (const name of ['upcallRingBytes', 'commandRingBytes'] as const) {
    range(name, MIN_RING_BYTES, 1 << 30);
    if (c[name] & (c[name] - 1)) throw new UserError(`datapath ${name}: ${c[name]} is not a power of two`);
  }
}
