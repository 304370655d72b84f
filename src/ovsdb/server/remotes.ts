/**
 * Where clients come from: addresses that the server listens on, and managers that it connects to itself. Sockets are opened by whoever composes the program; here
 * is when, with what patience, and what became of it.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.js';
import { Reconnect } from '../../openflow/reconnect.js';
import type { OvsdbServer } from './server.js';
import type { Session } from './session.js';

export interface Opened {
  open(stream: Duplex): void;
  failed(why: string): void;
}

/** What an address means. */
export type Endpoint =
  | {
      readonly kind: 'active';
      /** Starts to connect; one of `then` is called later, unless the returned function gives up before. */
      readonly open: (then: Opened) => () => void;
    }
  | {
      readonly kind: 'passive';
      /** Rejects with an Error. `port`: the one that is listened on, where the address left it open or not. */
      readonly listen: (
        accept: (stream: Duplex, name: string) => void,
      ) => Promise<{ readonly port: number | undefined; stop(): Promise<void> }>;
    };

export interface RemoteOptions {
  /** Longest wait between tries to connect, in milliseconds. */
  readonly maxBackoffMs: number;
  /** Silence after which a peer is asked whether it is there, in milliseconds; 0: never. */
  readonly probeMs: number;
}

export interface RemoteStatus {
  readonly isConnected: boolean;
  /** As ovs-vswitchd.conf.db(5) has them, of the table Manager. */
  readonly status: Readonly<Record<string, string>>;
}

/** A listening address that could not be had is tried again. */
const LISTEN_AGAIN_MS = 5000;

interface Remote {
  /** Resolves when an address that clients come to was listened on, or could not be. */
  readonly tried: Promise<void>;
  set(options: RemoteOptions): void;
  status(): RemoteStatus;
  close(): void;
}

/** Options that may change while they are used. */
class LiveOptions {
  maxBackoffMs = 8000;
  probeMs = 5000;

  constructor(readonly reliable: boolean) {}

  set({ maxBackoffMs, probeMs }: RemoteOptions): void {
    this.maxBackoffMs = Math.max(1000, maxBackoffMs);
    // Open vSwitch has no patience below a second, either.
    this.probeMs = probeMs > 0 ? Math.max(1000, probeMs) : 0;
  }
}

function seconds(clock: Clock, since: number): string {
  return String(Math.floor((clock.now() - since) / 1000));
}

/** A manager that we connect to. */
class ActiveRemote implements Remote {
  readonly tried = Promise.resolve();
  private readonly options = new LiveOptions(true);
  private readonly reconnect: Reconnect;
  private session: Session | undefined;
  private giveUp: () => void = () => {};

  constructor(
    private readonly server: OvsdbServer,
    private readonly name: string,
    private readonly open: (then: Opened) => () => void,
    options: RemoteOptions,
  ) {
    this.options.set(options);
    this.reconnect = new Reconnect(
      server.clock,
      { open: () => this.connect(), close: () => this.disconnect(), probe: () => this.session?.probe() },
      this.options,
    );
  }

  private connect(): void {
    this.giveUp = this.open({
      open: (stream) => {
        const session: Session = this.server.accept(stream, this.name, {
          heard: () => this.reconnect.heard(),
          closed: (why) => {
            if (this.session !== session) return;
            this.session = undefined;
            this.reconnect.failed(why ?? 'connection closed by peer');
          },
        });
        this.session = session;
        this.reconnect.connected();
        this.reconnect.admitted();
      },
      failed: (why) => this.reconnect.failed(why),
    });
  }

  private disconnect(): void {
    const { session } = this;
    this.session = undefined;
    this.giveUp();
    session?.close('given up');
  }

  set(options: RemoteOptions): void {
    this.options.set(options);
  }

  status(): RemoteStatus {
    const { state, lastError, connectedAt, disconnectedAt, isConnected } = this.reconnect;
    const status: Record<string, string> = { state };
    if (lastError !== undefined) status.last_error = lastError;
    if (connectedAt !== undefined) status.sec_since_connect = seconds(this.server.clock, connectedAt);
    if (disconnectedAt !== undefined) status.sec_since_disconnect = seconds(this.server.clock, disconnectedAt);
    if (this.session) Object.assign(status, lockStatus(this.server, this.session));
    return { isConnected, status };
  }

  close(): void {
    this.reconnect.close();
  }
}

function lockStatus(server: OvsdbServer, session: Session): Record<string, string> {
  const { owned, awaited, lost } = server.locks.of(session);
  const out: Record<string, string> = {};
  if (owned.length > 0) out.locks_held = owned.join(' ');
  if (awaited.length > 0) out.locks_waiting = awaited.join(' ');
  if (lost.length > 0) out.locks_lost = lost.join(' ');
  return out;
}

/** An address that clients come to. */
class PassiveRemote implements Remote {
  readonly tried: Promise<void>;
  private readonly options = new LiveOptions(false);
  private readonly visitors = new Map<Session, Reconnect>();
  private stop: (() => Promise<void>) | undefined;
  private port: number | undefined;
  private lastError: string | undefined;
  private isClosed = false;
  private cancelRetry: () => void = () => {};

  constructor(
    private readonly server: OvsdbServer,
    private readonly endpoint: Extract<Endpoint, { kind: 'passive' }>,
    options: RemoteOptions,
    private readonly log: (text: string) => void,
  ) {
    this.options.set(options);
    this.tried = this.start();
  }

  private start(): Promise<void> {
    return this.endpoint
      .listen((stream, name) => this.welcome(stream, name))
      .then(({ port, stop }) => {
        this.port = port;
        this.lastError = undefined;
        if (this.isClosed) void stop();
        else this.stop = stop;
      })
      .catch((e: unknown) => {
        this.lastError = e instanceof Error ? e.message : String(e);
        this.log(this.lastError);
        if (!this.isClosed) this.cancelRetry = this.server.clock.after(LISTEN_AGAIN_MS, () => void this.start());
      });
  }

  private welcome(stream: Duplex, name: string): void {
    const session: Session = this.server.accept(stream, name, {
      heard: () => watch.heard(),
      closed: (why) => {
        this.visitors.delete(session);
        watch.failed(why ?? 'connection closed by peer');
      },
    });
    const close = () => session.close('no response to inactivity probe');
    // It may close within the call: the state machine is told after its own turn.
    const events = {
      open: () => {},
      close: () => void this.server.clock.after(0, close),
      probe: () => session.probe(),
    };
    const watch = new Reconnect(this.server.clock, events, this.options);
    watch.connected();
    this.visitors.set(session, watch);
  }

  set(options: RemoteOptions): void {
    this.options.set(options);
  }

  status(): RemoteStatus {
    const n = this.visitors.size;
    const status: Record<string, string> = {};
    if (this.stop) status.state = 'ACTIVE';
    if (this.lastError !== undefined) status.last_error = this.lastError;
    if (this.port !== undefined) status.bound_port = String(this.port);
    if (n > 1) status.n_connections = String(n);
    return { isConnected: n > 0, status };
  }

  close(): void {
    this.isClosed = true;
    this.cancelRetry();
    void this.stop?.();
    for (const session of [...this.visitors.keys()]) session.close(undefined);
  }
}

/** All addresses of a server. */
export class Remotes {
  private readonly remotes = new Map<string, Remote>();

  /** `endpoint`: what an address means; throws UserError. */
  constructor(
    private readonly server: OvsdbServer,
    private readonly endpoint: (address: string) => Endpoint,
    private readonly log: (text: string) => void,
  ) {}

  /** Serves these addresses and no others; those that were served go on. */
  set(wanted: ReadonlyMap<string, RemoteOptions>): void {
    for (const [address, remote] of [...this.remotes]) {
      if (wanted.has(address)) continue;
      remote.close();
      this.remotes.delete(address);
    }
    for (const [address, options] of wanted) {
      const known = this.remotes.get(address);
      if (known) known.set(options);
      else this.add(address, options);
    }
  }

  private add(address: string, options: RemoteOptions): void {
    try {
      const endpoint = this.endpoint(address);
      const remote =
        endpoint.kind === 'active'
          ? new ActiveRemote(this.server, address, endpoint.open, options)
          : new PassiveRemote(this.server, endpoint, options, (why) => this.log(`${address}: ${why}`));
      this.remotes.set(address, remote);
    } catch (e) {
      this.log(e instanceof Error ? e.message : String(e));
    }
  }

  /** Resolves when each address that is served now was listened on, or could not be. */
  async tried(): Promise<void> {
    for (const remote of [...this.remotes.values()]) await remote.tried;
  }

  status(address: string): RemoteStatus | undefined {
    return this.remotes.get(address)?.status();
  }

  close(): void {
    this.set(new Map());
  }
}
