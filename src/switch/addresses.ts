/** Addresses that bridges and ports have of themselves. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { finish, mix } from '../flowtable/mini.js';

/**
 * A locally administered address that is the same each time a port of this name is made on the same machine. `machine` tells machines apart: bridges of one name
 * on two hosts must not share an address, nor the datapath id that follows from it.
 */
export function addressOf(name: string, machine = ''): Uint8Array {
  let h = 0;
  for (const byte of new TextEncoder().encode(machine === '' ? name : `${machine}\n${name}`)) h = mix(h, byte);
  const low = finish(h);
  return Uint8Array.of(0x02, 0x77, low >>> 24, (low >>> 16) & 0xff, (low >>> 8) & 0xff, low & 0xff);
}

/** The address as a number. */
export function datapathIdOf(mac: Uint8Array): bigint {
  return mac.reduce((n, b) => (n << 8n) | BigInt(b), 0n);
}

/** One text for each switch: of the machine (machine-id(5), else its name) and of the folder that the switch's sockets are in. */
export function machineOf(runDir: string): string {
  let id = '';
  try {
    id = readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    // Containers often have none.
  }
  return `${id || hostname()} ${runDir}`;
}
