/** What stands behind ports: looked at by name, and set. The kernel's devices, and those that exist in the switch only, look the same. */
import { loadAddon } from '../datapath/driver/load.js';
import type { DeviceInfo, DeviceLink } from '../datapath/native.js';

export interface Devices {
  /** Undefined: there is none of this name. `netns`: path of a namespace, "" our own. */
  info(name: string, netns: string): DeviceInfo | undefined;
  /** Undefined: nobody knows. Drivers are asked, which may take a while. */
  link(name: string, netns: string): DeviceLink | undefined;
  /** Throws an Error that names the fault. */
  setUp(name: string, netns: string, up: boolean): void;
  setMtu(name: string, netns: string, mtu: number): void;
  setMac(name: string, netns: string, mac: Uint8Array): void;
}

export const KERNEL_DEVICES: Devices = {
  info(name, netns) {
    try {
      return loadAddon().deviceInfo(name, netns);
    } catch {
      return undefined;
    }
  },
  link(name, netns) {
    try {
      return loadAddon().deviceLink(name, netns);
    } catch {
      return undefined;
    }
  },
  setUp: (name, netns, up) => loadAddon().deviceSet(name, netns, 'up', up ? 1 : 0),
  setMtu: (name, netns, mtu) => loadAddon().deviceSet(name, netns, 'mtu', mtu),
  setMac: (name, netns, mac) => loadAddon().deviceSet(name, netns, 'mac', mac),
};
