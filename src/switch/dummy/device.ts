/** One dummy device: what its options say, its files, its wire. Options are those of OVS's dummy devices. */
import type { DeviceInfo } from '../../datapath/native.js';
import type { VportSpec } from '../../vport/kinds.js';
import { Capture } from './capture.js';
import { connectingWire, listeningWire, type Wire, type WireOptions } from './stream.js';

const DEFAULT_MTU = 1500;

export interface DummyDeps extends Omit<WireOptions, 'receive'> {
  receive(device: DummyDevice, frame: Uint8Array): void;
}

export class DummyDevice {
  readonly name: string;
  readonly type: string;
  mtu: number;
  up = true;
  /** The address for which it answers ARP. */
  ip4: Uint8Array | undefined;
  /** Of the datapath; 0 until it is open there. */
  vport = 0;
  private options: Readonly<Record<string, string>> = {};
  private sent: Capture | undefined;
  private received: Capture | undefined;
  private wire: Wire | undefined;

  constructor(
    spec: VportSpec,
    public mac: Uint8Array,
    private readonly deps: DummyDeps,
  ) {
    this.name = spec.name;
    this.type = spec.type;
    this.mtu = spec.mtu ?? DEFAULT_MTU;
  }

  /** Opens what the options name; what stays the same stays open. What cannot be opened is told in the log. */
  configure(options: Readonly<Record<string, string>>): void {
    const before = this.options;
    this.options = options;
    const changed = (...keys: string[]): boolean => keys.some((k) => before[k] !== options[k]);
    if (changed('pcap', 'tx_pcap', 'rxq_pcap')) {
      this.closeCaptures();
      const { pcap, tx_pcap, rxq_pcap } = options;
      this.sent = this.capture(pcap ?? tx_pcap);
      const same = pcap !== undefined || rxq_pcap === tx_pcap;
      this.received = same ? this.sent : this.capture(rxq_pcap);
    }
    if (changed('stream', 'pstream')) {
      this.wire?.close();
      this.wire = this.openWire(options.pstream, options.stream);
    }
  }

  private capture(path: string | undefined): Capture | undefined {
    if (path === undefined) return undefined;
    try {
      return new Capture(path, () => this.deps.clock.wall());
    } catch (e) {
      this.deps.log(`${this.name}: ${e instanceof Error ? e.message : String(e)}`);
      return undefined;
    }
  }

  private openWire(pstream: string | undefined, stream: string | undefined): Wire | undefined {
    const log = (text: string): void => this.deps.log(`${this.name}: ${text}`);
    if (pstream !== undefined && stream !== undefined) {
      log('options:stream and options:pstream are both given, and neither is used');
      return undefined;
    }
    const text = pstream ?? stream;
    if (text === undefined) return undefined;
    const o: WireOptions = { clock: this.deps.clock, log, receive: (frame) => this.deps.receive(this, frame) };
    try {
      return pstream === undefined ? connectingWire(text, o) : listeningWire(text, o);
    } catch (e) {
      log(e instanceof Error ? e.message : String(e));
      return undefined;
    }
  }

  get info(): DeviceInfo {
    const { mtu, mac, up } = this;
    const asked = Number(this.options.ifindex ?? 0);
    return { ifindex: Number.isInteger(asked) && asked > 0 ? asked : 0, mtu, mac, up, running: up };
  }

  /** Queues that it receives by. */
  get queues(): number {
    const asked = this.type === 'dummy-pmd' ? Number(this.options.n_rxq ?? 1) : 1;
    return Number.isInteger(asked) && asked > 0 ? asked : 1;
  }

  /** Of an end that connects; undefined for others. */
  get connection(): 'connected' | 'disconnected' | undefined {
    if (this.options.stream === undefined || this.options.pstream !== undefined) return undefined;
    return this.wire?.isConnected ? 'connected' : 'disconnected';
  }

  get hasWire(): boolean {
    return this.wire !== undefined;
  }

  /** "dummy: ifindex=7": what dpif/show says in brackets. */
  get description(): string {
    const { ifindex, pstream, stream } = this.options;
    const said: string[] = [];
    if (ifindex !== undefined && this.info.ifindex > 0) said.push(`ifindex=${this.info.ifindex}`);
    if (this.type === 'dummy-pmd') {
      const tx = Number(this.options.n_txq ?? 1) || 1;
      for (const of of ['configured', 'requested'])
        said.push(`${of}_rx_queues=${this.queues}`, `${of}_tx_queues=${tx}`);
    }
    if (this.connection !== undefined) said.push(`stream=${this.wire?.isConnected ? stream : '(null)'}`);
    else if (pstream !== undefined && this.wire) said.push(`pstream=${pstream}`);
    return said.length === 0 ? this.type : `${this.type}: ${said.join(', ')}`;
  }

  /** A whole frame leaves. */
  transmit(frame: Uint8Array): void {
    this.note(this.sent, frame);
    this.wire?.send(frame);
  }

  /** A frame arrives. */
  captureReceived(frame: Uint8Array): void {
    this.note(this.received, frame);
  }

  private note(capture: Capture | undefined, frame: Uint8Array): void {
    try {
      capture?.write(frame);
    } catch (e) {
      this.deps.log(`${this.name}: ${e instanceof Error ? e.message : String(e)}`);
    }
  }

  private closeCaptures(): void {
    if (this.received !== this.sent) this.received?.close();
    this.sent?.close();
    this.sent = undefined;
    this.received = undefined;
  }

  close(): void {
    this.closeCaptures();
    this.wire?.close();
    this.wire = undefined;
  }
}
