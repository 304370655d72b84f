/** All dummy devices, by name. Their addresses count up from aa:55:aa:55:00:00 in the order in which they are made. */

import { put32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { arpLayer, build, eth } from '../../packet/build.js';
import { ETH_HEADER } from '../../packet/extract.js';
import { finishChecksum, GSO, type OffloadState, segment } from '../../packet/offload.js';
import { ARP_OP, arpView } from '../../packet/wire/arp.js';
import { ETH_TYPE } from '../../packet/wire/wire.js';
import { MTU_RANGE, type VportSpec } from '../../vport/kinds.js';
import type { Devices } from '../devices.js';
import { type DummyDeps, DummyDevice } from './device.js';

const FIRST_ADDRESS = 0xaa550000;

export class DummyDevices implements Devices {
  private readonly byName = new Map<string, DummyDevice>();
  private readonly byVport = new Map<number, DummyDevice>();
  private made = 0;

  constructor(private readonly deps: DummyDeps) {}

  /** Throws UserError. */
  add(spec: VportSpec): DummyDevice {
    if (this.byName.has(spec.name)) throw new UserError(`there is a port named ${spec.name}`);
    const mac = Uint8Array.of(0xaa, 0x55, 0, 0, 0, 0);
    put32(mac, 2, FIRST_ADDRESS + this.made++);
    const device = new DummyDevice(spec, mac, this.deps);
    this.byName.set(spec.name, device);
    return device;
  }

  /** It is open in the datapath: frames may come and go. */
  opened(name: string, vport: number, options: Readonly<Record<string, string>>): void {
    const device = this.byName.get(name);
    if (!device) return;
    device.vport = vport;
    this.byVport.set(vport, device);
    device.configure(options);
  }

  remove(name: string): void {
    const device = this.byName.get(name);
    if (!device) return;
    this.byName.delete(name);
    this.byVport.delete(device.vport);
    device.close();
  }

  get(name: string): DummyDevice | undefined {
    return this.byName.get(name);
  }

  get all(): Iterable<DummyDevice> {
    return this.byName.values();
  }

  /** A frame leaves by a port of the datapath. */
  transmit(vport: number, frame: Uint8Array, offload: OffloadState): void {
    const device = this.byVport.get(vport);
    if (!device) return;
    for (const whole of complete(frame, offload, device.mtu)) {
      const reply = device.ip4 && arpReply(whole, device.ip4, device.mac);
      if (reply) this.deps.receive(device, reply);
      device.transmit(whole);
    }
  }

  close(): void {
    for (const name of [...this.byName.keys()]) this.remove(name);
  }

  // Devices

  /** A dummy has no driver. */
  link() {
    return undefined;
  }

  info(name: string) {
    return this.byName.get(name)?.info;
  }

  setUp(name: string, _netns: string, up: boolean): void {
    this.mustHave(name).up = up;
  }

  setMtu(name: string, _netns: string, mtu: number): void {
    const device = this.mustHave(name);
    if (mtu < MTU_RANGE.min || mtu > MTU_RANGE.max)
      throw new UserError(`failed to set MTU for network device ${name}: Invalid argument`);
    device.mtu = mtu;
  }

  setMac(name: string, _netns: string, mac: Uint8Array): void {
    this.mustHave(name).mac = mac;
  }

  private mustHave(name: string): DummyDevice {
    const device = this.byName.get(name);
    if (!device) throw new UserError(`${name}: No such device`);
    return device;
  }
}

/** As a wire carries it: checksums filled in, large packets cut. What cannot be finished is lost. */
function complete(frame: Uint8Array, offload: OffloadState, mtu: number): readonly Uint8Array[] {
  if (offload.gsoType !== GSO.none) return segment(frame, offload, mtu) ?? [];
  if (offload.flags === 0) return [frame];
  const own = frame.slice();
  return finishChecksum(own, offload) ? [own] : [];
}

/** The answer to a request for an address of ours. */
function arpReply(frame: Uint8Array, ip4: Uint8Array, mac: Uint8Array): Uint8Array | undefined {
  const isArp = frame.length >= ETH_HEADER && frame[12] === ETH_TYPE.arp >> 8 && frame[13] === (ETH_TYPE.arp & 0xff);
  const arp = isArp ? arpView(frame, ETH_HEADER) : undefined;
  if (!arp || arp.op !== ARP_OP.request || !arp.tpa.every((b, i) => b === ip4[i])) return undefined;
  const { sha, spa } = arp;
  return build([
    eth({ dst: sha.slice(), src: mac }),
    arpLayer({ op: ARP_OP.reply, sha: mac, spa: ip4, tha: sha.slice(), tpa: spa.slice() }),
  ]);
}
