/**
 * The devices behind ports: link up and down, the MTU, gone and back. The port's state in OpenFlow follows, and the log has a line for each change.
 *
 * Devices are looked at twice a second, by name and in the namespace they were opened in. Asking costs some microseconds a port; being told by the
 * kernel would need a netlink socket a namespace. That a device went away for good is not concluded from its name, which may have changed: the
 * datapath says so, whose descriptor it is. A system device that comes back under its name is opened again.
 */
import type { DeviceLink } from '../datapath/native.js';
import { UserError } from '../lib/errors.js';
import type { Core, DevicePort } from './core.js';
import { DeviceCounters } from './device-counters.js';
import type { Devices } from './devices.js';
import { linkFeatures } from './link-features.js';

/** What is known of the device behind a port. */
export interface LinkStatus {
  /** 0: not looked at yet. */
  readonly ifindex: number;
  readonly mtu: number;
  /** Administratively, and with a carrier. */
  readonly up: boolean;
  readonly adminUp: boolean;
  readonly mac: Uint8Array | undefined;
  /** How often the link went up or down. */
  readonly resets: number;
  /** There is no such device any more. */
  readonly gone: boolean;
  /** What the device said of itself when its link last changed. */
  readonly word: DeviceLink | undefined;
}

interface Link extends LinkStatus {
  ifindex: number;
  mtu: number;
  up: boolean;
  adminUp: boolean;
  mac: Uint8Array | undefined;
  resets: number;
  gone: boolean;
  word: DeviceLink | undefined;
  /** It was looked at. */
  seen: boolean;
  /** It is there, and not where we look. */
  hidden: boolean;
  /** Why it could not be opened again, said once. */
  refusal: string;
}

export class Links {
  private readonly links = new WeakMap<DevicePort, Link>();
  private readonly errors: DeviceCounters;
  /** Grows with each change that `status` shows. */
  changes = 0;

  constructor(
    private readonly core: Core,
    private readonly devices: (name: string) => Pick<Devices, 'info' | 'link'>,
    private readonly log: (text: string) => void,
  ) {
    this.errors = new DeviceCounters(() => core.now());
  }

  /** Looks at every device once. */
  look(): void {
    for (const at of this.core.devices()) this.lookAt(at);
  }

  added(vport: number): void {
    const at = this.core.device(vport);
    if (at) this.lookAt(at);
  }

  /** Undefined: the port has no device. */
  status(vport: number): LinkStatus | undefined {
    const at = this.core.device(vport);
    return at && this.links.get(at);
  }

  /** The datapath has lost a device. */
  gone(vport: number): void {
    const at = this.core.device(vport);
    if (!at) return;
    const link = this.link(at);
    link.gone = true;
    link.up = false;
    this.changes++;
    this.core.setLink(at, false);
    // Who was behind it may come up elsewhere.
    at.bridge.macs.flush(at.port.number);
    this.log(`${at.port.name}: its device is gone`);
  }

  private link(at: DevicePort): Link {
    let link = this.links.get(at);
    if (!link) {
      const nothing = { ifindex: 0, mtu: 0, adminUp: true, mac: undefined, resets: 0, word: undefined };
      link = { ...nothing, up: true, gone: false, seen: false, hidden: false, refusal: '' };
      this.links.set(at, link);
    }
    return link;
  }

  private lookAt(at: DevicePort): void {
    const { config, port } = at;
    const link = this.link(at);
    const info = this.devices(config.device).info(config.device, config.netns);
    if (link.gone) {
      if (info && config.kind !== 'tap') this.reopen(at, link);
      return;
    }
    const first = !link.seen;
    if (!info || (!first && info.ifindex !== link.ifindex && !at.spec.dummy)) {
      if (config.kind === 'tap') this.hidden(at, link);
      // Renamed or gone: the datapath looks for it by its number. The kernel may have told it while the device was going and still there.
      else if (!first) this.core.setMtu(port.vport, link.mtu);
      return;
    }
    link.seen = true;
    link.ifindex = info.ifindex;
    link.hidden = false;
    this.setAdminUp(at, link, info.up);
    if (!link.mac?.every((b, i) => b === info.mac[i])) {
      this.changes++;
      link.mac = info.mac;
      at.bridge.deviceSays(port.number, { hwAddr: info.mac });
    }
    this.setMtu(port.vport, link, info.mtu);
    const up = info.up && info.running;
    const changed = this.setUp(at, link, up);
    if (first || changed) this.ask(at, link);
    if (changed && !first && !at.spec.dummy) link.resets++;
    if (changed && !first) this.log(`${port.name}: link is ${up ? 'up' : info.up ? 'down: no carrier' : 'down'}`);
  }

  /** Speeds change when a link comes up; drivers are not asked more often than that. */
  private ask({ bridge, port, config }: DevicePort, link: Link): void {
    link.word = this.devices(config.device).link(config.device, config.netns);
    if (!link.word) return;
    this.changes++;
    bridge.deviceSays(port.number, { link: linkFeatures(link.word) });
    if (config.netns === '') port.deviceErrors = () => this.errors.of(config.device);
  }

  /** A tap that was renamed, or moved into another namespace as they often are. It takes frames of any length, and whether it is up we do not see. */
  private hidden(at: DevicePort, link: Link): void {
    if (link.hidden) return;
    link.hidden = true;
    this.setMtu(at.port.vport, link, 0);
    this.setAdminUp(at, link, true);
    this.setUp(at, link, true);
    this.log(`${at.port.name}: its device has moved into another namespace, or has another name`);
  }

  private setAdminUp(at: DevicePort, link: Link, up: boolean): void {
    if (link.adminUp === up) return;
    this.changes++;
    link.adminUp = up;
    at.bridge.setDeviceUp(at.port.number, up);
  }

  private setUp(at: DevicePort, link: Link, up: boolean): boolean {
    const changed = up !== link.up;
    link.up = up;
    if (!changed) return false;
    this.changes++;
    this.core.setLink(at, up);
    return true;
  }

  private setMtu(vport: number, link: Link, mtu: number): void {
    if (mtu === link.mtu) return;
    link.mtu = mtu;
    this.changes++;
    this.core.setMtu(vport, mtu);
  }

  private reopen(at: DevicePort, link: Link): void {
    try {
      this.core.reopen(at);
    } catch (e) {
      if (!(e instanceof UserError)) throw e;
      if (e.message !== link.refusal) this.log(`${at.port.name}: its device is back, but: ${e.message}`);
      link.refusal = e.message;
      return;
    }
    this.log(`${at.port.name}: its device is back`);
    this.changes++;
    this.links.delete(at);
    this.core.setLink(at, true);
    this.lookAt(at);
  }
}
