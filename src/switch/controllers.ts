/** The controllers of a bridge: connections to them, listeners for them, and what the bridge does while none is there. */
import { connect, createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect, createServer as tlsServer } from 'node:tls';
import type { Bridge } from '../bridge/bridge.js';
import { flowModFromText } from '../bridge/flow-text.js';
import { FLOW_FLAG } from '../flowtable/rule.js';
import type { Clock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { RECONNECT_DEFAULTS, Reconnect } from '../openflow/reconnect.js';
import type { OpenFlowServer } from '../openflow/server/server.js';
import { parseTarget, type Target } from '../openflow/target.js';
import { listenUnix } from './of-sockets.js';

export type FailMode = 'standalone' | 'secure';

/** Key, certificate and the authority's certificate, PEM. */
export interface TlsFiles {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly ca: Buffer;
}

/** Above every priority that OpenFlow can give, so that no flow of a controller that went away is in the way. */
const FAIL_OPEN_PRIORITY = 0xf0f0f0;
/** A standalone bridge forwards by itself after so many probe intervals without a controller. */
const FAIL_OPEN_INTERVALS = 3;
/** Wire version of OpenFlow 1.3, from which on a miss is no packet-in. */
const OF13 = 4;

export class Controllers {
  private readonly active: Reconnect[] = [];
  private readonly closers: (() => Promise<void>)[] = [];
  private readonly streams = new Set<Duplex>();
  private failOpen = false;
  private cancel: () => void = () => {};

  constructor(
    private readonly bridge: Bridge,
    private readonly clock: Clock,
    private readonly failMode: FailMode,
    private readonly log: (text: string) => void,
    private readonly tls?: TlsFiles,
  ) {
    this.alone();
  }

  /** Connects to a controller, or listens for one. Rejects with UserError. */
  async add(text: string, server: OpenFlowServer): Promise<void> {
    const target = parseTarget(text);
    if (target.kind === 'ssl' && !this.tls) {
      throw new UserError(`${text}: ssl needs --private-key, --certificate and --ca-cert`);
    }
    if (target.passive) {
      this.closers.push(await this.listen(target, (stream) => this.welcome(stream, server, 'service')));
      return;
    }
    this.active.push(
      new Reconnect(
        this.clock,
        {
          open: () => this.open(target),
          connected: (stream) => {
            const connection = this.welcome(stream, server, 'primary');
            return { probe: () => connection.send('echo_request', new Uint8Array(0)) };
          },
          changed: (state, why) => {
            if (state !== 'CONNECTING') this.log(`${this.bridge.name}<->${text}: ${why}`);
          },
        },
        RECONNECT_DEFAULTS,
      ),
    );
  }

  private welcome(stream: Duplex, server: OpenFlowServer, peer: 'primary' | 'service') {
    this.streams.add(stream);
    stream.on('close', () => this.streams.delete(stream));
    return server.accept(stream, peer);
  }

  private open(t: Target): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const s =
        t.kind === 'unix'
          ? connect(t.host)
          : t.kind === 'tcp'
            ? connect({ host: t.host, port: t.port, noDelay: true })
            : tlsConnect({ host: t.host, port: t.port, ...this.tls, checkServerIdentity: () => undefined });
      s.once('error', reject);
      s.once(t.kind === 'ssl' ? 'secureConnect' : 'connect', () => {
        s.off('error', reject);
        s.on('error', () => s.destroy());
        resolve(s);
      });
    });
  }

  private async listen(t: Target, accept: (s: Duplex) => void): Promise<() => Promise<void>> {
    if (t.kind === 'unix') return listenUnix(t.host, accept);
    const take = (s: Duplex): void => {
      s.on('error', () => s.destroy());
      accept(s);
    };
    const server: Server =
      t.kind === 'tcp'
        ? createServer({ noDelay: true }, take)
        : tlsServer({ ...this.tls, requestCert: true, rejectUnauthorized: true }, take);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (e) => reject(new UserError(`cannot listen on port ${t.port}: ${e.message}`)));
      server.listen(t.port, t.host || '::', resolve);
    });
    return () => new Promise((resolve) => server.close(() => resolve()));
  }

  /** The server's word of who is connected, as versions. */
  changed(versions: readonly number[]): void {
    this.bridge.setControllers(
      versions.length,
      versions.some((v) => v < OF13),
    );
    this.cancel();
    if (versions.length === 0) this.alone();
    else this.setFailOpen(false);
  }

  private alone(): void {
    if (this.failMode !== 'standalone') return;
    this.cancel = this.clock.after(FAIL_OPEN_INTERVALS * RECONNECT_DEFAULTS.probeMs, () => this.setFailOpen(true));
  }

  /** A hidden flow that makes the bridge a learning switch, as long as no controller is there. */
  private setFailOpen(on: boolean): void {
    if (on === this.failOpen) return;
    this.failOpen = on;
    this.log(`${this.bridge.name}: ${on ? 'no controller: forwarding by itself' : 'a controller is back'}`);
    const mod = flowModFromText(on ? 'actions=NORMAL' : '', on ? 'add' : 'delete_strict', () => undefined);
    this.bridge.tables.flowMod({ ...mod, table: 0, priority: FAIL_OPEN_PRIORITY, flags: FLOW_FLAG.hiddenRule });
  }

  async close(): Promise<void> {
    this.cancel();
    for (const r of this.active) r.close();
    for (const s of this.streams) s.destroy();
    for (const close of this.closers) await close();
  }
}
