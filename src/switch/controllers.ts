/** The controllers of a bridge: connections to them, listeners for them, and what the bridge does while none is there. */
import type { Bridge } from '../bridge/bridge.js';
import { flowModFromText } from '../bridge/flow-text.js';
import { OFPP } from '../flow/field.js';
import { KEY_BYTES, OK } from '../flow/key.js';
import { FLOW_FLAG } from '../flowtable/rule.js';
import { put32 } from '../lib/bytes.js';
import type { Clock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { FailOpen } from '../openflow/fail-open.js';
import { RECONNECT_DEFAULTS, type ReconnectState } from '../openflow/reconnect.js';
import type { OpenFlowServer, PeerStatus } from '../openflow/server/server.js';
import { OFPR } from '../upcall/output.js';
import { ControllerLink, type ControllerSpec, type LinkDeps } from './controller-link.js';
import { listenAt } from './target-sockets.js';
import type { Tls } from './tls.js';

export type FailMode = 'standalone' | 'secure';

/** What stands above a bridge. */
export interface ControllerOptions {
  readonly controllers: readonly ControllerSpec[];
  readonly failMode: FailMode;
  /** Versions of OpenFlow offered, bit n for wire version n; all when left out. */
  readonly versions?: number;
  readonly tls?: Tls;
}

export interface ControllerStatus {
  readonly target: string;
  readonly state: ReconnectState | 'LISTENING';
  readonly isConnected: boolean;
  readonly attempts: number;
  readonly lastError?: string;
  /** Milliseconds of the clock; undefined: never. */
  readonly connectedAt?: number;
  readonly disconnectedAt?: number;
  readonly peer?: PeerStatus;
  /** Of a listener: who is here. */
  readonly visitors?: number;
}

/** Above every priority that OpenFlow can give, so that no flow of a controller that went away is in the way. */
const FAIL_OPEN_PRIORITY = 0xf0f0f0;

interface Listener {
  readonly spec: ControllerSpec;
  readonly close: () => Promise<void>;
  readonly visitors: Set<ControllerLink>;
}

export class Controllers {
  private readonly active = new Map<string, ControllerLink>();
  private readonly listeners = new Map<string, Listener>();
  private failMode: FailMode = 'secure';
  private failOpen: FailOpen | undefined;
  private isSet = false;

  constructor(
    private readonly bridge: Bridge,
    private readonly server: OpenFlowServer,
    private readonly clock: Clock,
    private readonly log: (text: string) => void,
  ) {}

  /**
   * Makes it so: what is configured as before stays connected. Where a bridge gets its first controller or loses its last, its flows go: they are
   * the controllers' or its own, never both. Rejects with UserError when a listener cannot be opened; the rest is done then.
   */
  async set(options: ControllerOptions): Promise<void> {
    const hadOwner = this.active.size > 0;
    const before = this.failMode;
    const wanted = new Map(options.controllers.map((spec) => [JSON.stringify(spec), spec]));
    await this.removeUnless((key) => wanted.has(key));
    this.failMode = options.failMode;
    let fault: unknown;
    for (const [key, spec] of wanted) {
      try {
        await this.add(key, spec, options.tls);
      } catch (e) {
        fault ??= e;
      }
    }
    this.watch();
    const hasOwner = this.active.size > 0;
    if (!this.isSet || hadOwner !== hasOwner || (!hasOwner && before !== this.failMode)) this.flush();
    this.isSet = true;
    if (fault !== undefined) throw fault;
  }

  private async add(key: string, spec: ControllerSpec, tls: Tls | undefined): Promise<void> {
    if (this.active.has(key) || this.listeners.has(key)) return;
    const { target, text } = spec;
    if (target.kind === 'ssl' && !tls) {
      throw new UserError(`${text}: ssl needs --private-key, --certificate and --ca-cert`);
    }
    const visitors = new Set<ControllerLink>();
    const deps: LinkDeps = {
      server: this.server,
      clock: this.clock,
      tls,
      log: (what) => this.log(`${this.bridge.name}<->${what}`),
      admitted: () => this.failOpen?.recover(),
      over: (link) => visitors.delete(link),
    };
    if (!target.passive) {
      this.active.set(key, new ControllerLink(spec, deps));
      return;
    }
    const close = await listenAt(target, tls, (stream) => visitors.add(new ControllerLink(spec, deps, stream)));
    this.listeners.set(key, { spec, close, visitors });
  }

  private async removeUnless(stays: (key: string) => boolean): Promise<void> {
    for (const [key, link] of this.active) {
      if (stays(key)) continue;
      this.active.delete(key);
      link.close();
    }
    for (const [key, listener] of this.listeners) {
      if (stays(key)) continue;
      this.listeners.delete(key);
      const closed = listener.close();
      for (const v of [...listener.visitors]) v.close();
      await closed;
    }
  }

  /** Looks after a standalone bridge that has controllers. */
  private watch(): void {
    this.failOpen?.close();
    if (this.failOpen?.isActive) this.setFailOpenFlow(false);
    this.failOpen = undefined;
    if (this.failMode !== 'standalone' || this.active.size === 0) return;
    const links = [...this.active.values()];
    // Where nobody is ever asked, the usual time counts.
    const probeMs = Math.max(...links.map((l) => l.spec.probeMs)) || RECONNECT_DEFAULTS.probeMs;
    this.failOpen = new FailOpen(
      this.clock,
      links.map((l) => l.reconnect),
      probeMs,
      {
        enter: (failedMs) => {
          this.log(`${this.bridge.name}: no controller for ${Math.floor(failedMs / 1000)} seconds, failing open`);
          this.flush();
        },
        leave: () => {
          this.log(`${this.bridge.name}: a controller is in charge, no longer in fail-open mode`);
          this.setFailOpenFlow(false);
        },
        ask: () => this.ask(),
      },
    );
  }

  /** Removes all flows, and adds the one that a bridge without a controller has. */
  private flush(): void {
    this.bridge.flowMod(flowModFromText('', 'delete', () => undefined));
    if (this.active.size === 0 && this.failMode === 'standalone') {
      this.bridge.flowMod(flowModFromText('priority=0,actions=NORMAL', 'add', () => undefined));
    }
    if (this.failOpen?.isActive) this.setFailOpenFlow(true);
  }

  /** A hidden flow that makes the bridge a learning switch. */
  private setFailOpenFlow(on: boolean): void {
    const mod = flowModFromText(on ? 'actions=NORMAL' : '', on ? 'add' : 'delete_strict', () => undefined);
    this.bridge.tables.flowMod({ ...mod, table: 0, priority: FAIL_OPEN_PRIORITY, flags: FLOW_FLAG.hiddenRule });
  }

  /** A packet that means nothing, from the bridge's own port to itself: a controller in charge does something with it. */
  private ask(): void {
    const mac = this.bridge.port(OFPP.local)?.hwAddr ?? new Uint8Array(6);
    const frame = Buffer.concat([mac, mac, Buffer.from([0x88, 0xb5]), Buffer.alloc(46)]);
    frame.write('weft: who is in charge of this switch?', 14);
    const key = new Uint8Array(KEY_BYTES);
    put32(key, OK.ofInPort.offset, OFPP.local);
    const what = { frame, key, maxLen: 0xffff, reason: OFPR.noMatch, controllerId: 0 };
    this.bridge.packetIn({ ...what, table: 0, cookie: 0n, userdata: new Uint8Array(0) });
  }

  get isFailOpen(): boolean {
    return this.failOpen?.isActive ?? false;
  }

  status(): ControllerStatus[] {
    const active = [...this.active.values()].map((link): ControllerStatus => {
      const { state, isConnected, attempts, lastError, connectedAt, disconnectedAt } = link.reconnect;
      const times = { connectedAt, disconnectedAt };
      return { target: link.spec.text, state, isConnected, attempts, lastError, ...times, peer: link.status() };
    });
    const listeners = [...this.listeners.values()].map((l): ControllerStatus => {
      const here = [...l.visitors].filter((v) => v.reconnect.isConnected).length;
      const all = { visitors: l.visitors.size, attempts: 0 };
      return { target: l.spec.text, state: 'LISTENING', isConnected: here > 0, ...all };
    });
    return [...active, ...listeners];
  }

  reconnect(): void {
    const visitors = [...this.listeners.values()].flatMap((l) => [...l.visitors]);
    for (const link of [...this.active.values(), ...visitors]) link.again('reconnect was asked for');
  }

  async close(): Promise<void> {
    this.failOpen?.close();
    this.failOpen = undefined;
    await this.removeUnless(() => false);
  }
}
