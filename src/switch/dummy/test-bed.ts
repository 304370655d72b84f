/**
 * A switch for tests: devices that exist in it only, a clock that can be stopped, and no threads. Frames move on the one thread there is, when something
 * has come for them to do; so whoever gave a command that sends a packet finds it, when the command has answered, where it goes.
 */
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';
import { moveFrames } from '../move.js';
import type { Underlay } from '../underlay.js';
import type { DummyDevice } from './device.js';
import { DummyDevices } from './devices.js';
import { WarpClock } from './warp-clock.js';

/** Real devices, where there are any beside the dummies, are looked at so often. */
const DEVICE_POLL_MS = 1;
/** Turns of the event loop without news after which nothing is on its way between two ends of a wire, or to a peer of ours. */
const QUIET_TURNS = 4;

export class TestBed {
  readonly clock = new WarpClock();
  readonly devices: DummyDevices;
  /** Tells the database what is new. */
  report: () => Promise<void> = async () => {};
  private core: Core | undefined;
  private driver: NativeDriver | undefined;
  private isMoving = false;
  private isAsked = false;
  private isWarping = false;
  private arrivals = 0;
  private poll: NodeJS.Timeout | undefined;

  constructor(log: (text: string) => void) {
    this.devices = new DummyDevices({
      clock: this.clock,
      log,
      receive: (device, frame) => {
        this.arrivals++;
        this.receive(device, frame);
        this.moveSoon();
      },
    });
  }

  attach(core: Core, driver: NativeDriver): void {
    this.core = core;
    this.driver = driver;
    driver.onWork = () => this.moveSoon();
  }

  /** Where own addresses are noted. */
  get underlay(): Underlay | undefined {
    return this.core?.underlay;
  }

  /** A frame arrives at a device; it waits for `move`. */
  receive(device: DummyDevice, frame: Uint8Array): void {
    device.captureReceived(frame);
    if (device.vport === 0 || !this.driver) return;
    if (this.driver.inject(device.vport, frame)) return;
    this.move();
    this.driver.inject(device.vport, frame);
  }

  /** Moves frames until all are where they go. */
  move(): void {
    if (this.isMoving || !this.core || !this.driver) return;
    this.isMoving = true;
    try {
      moveFrames(this.core, this.driver);
    } finally {
      this.isMoving = false;
    }
  }

  /** Packets so far are known to the rules that sent them. */
  count(): void {
    this.core?.upcalls.pushStatistics();
  }

  moveSoon(): void {
    if (this.isAsked || this.isMoving) return;
    this.isAsked = true;
    setImmediate(() => {
      this.isAsked = false;
      this.move();
    });
  }

  /** Frames that went out by a wire have come in at its other end, where that is ours too. */
  async quiet(): Promise<void> {
    this.move();
    let before = -1;
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      if (before !== this.arrivals) turns = 0;
      before = this.arrivals;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.move();
  }

  /** Moves the clock by `total` milliseconds, `step` at a time; what is due then is done when the promise is kept. */
  async warp(total: number, step: number): Promise<void> {
    if (this.isWarping) throw new UserError('A previous warp in progress');
    this.isWarping = true;
    try {
      for (let left = total; left > 0; left -= step) {
        this.move();
        this.clock.warp(Math.min(step, left));
        this.move();
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      this.core?.upkeep();
      await this.quiet();
      await this.report();
    } finally {
      this.isWarping = false;
    }
  }

  /** Real devices bring frames without asking. */
  watchDevices(): void {
    this.poll ??= setInterval(() => this.move(), DEVICE_POLL_MS);
  }

  close(): void {
    clearInterval(this.poll);
    this.devices.close();
  }
}

/** The number that a port of the datapath would like to have, as in OVS: "p7" would like to be 7, "br0" 100. */
export function dummyVport(name: string): number {
  const number = Number(/\d+/.exec(name)?.[0] ?? 0);
  return name.startsWith('br') && /\d/.test(name) ? 100 + number : number;
}
