/** Addresses that bridges and ports have of themselves. */
import { finish, mix } from '../flowtable/mini.js';

/** A locally administered address that is the same each time a port of this name is made. */
export function addressOf(name: string): Uint8Array {
  let h = 0;
  for (const byte of new TextEncoder().encode(name)) h = mix(h, byte);
  const low = finish(h);
  return Uint8Array.of(0x02, 0x77, low >>> 24, (low >>> 16) & 0xff, (low >>> 8) & 0xff, low & 0xff);
}

/** The address as a number. */
export function datapathIdOf(mac: Uint8Array): bigint {
  return mac.reduce((n, b) => (n << 8n) | BigInt(b), 0n);
}
