/** One connection with a controller: the times of Reconnect joined to a stream and to the OpenFlow server. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../lib/clock.js';
import type { Connection } from '../openflow/connection.js';
import { Reconnect } from '../openflow/reconnect.js';
import type { Kind } from '../openflow/registry.js';
import type { Rate } from '../openflow/server/pacer.js';
import type { OpenFlowServer, PeerStatus } from '../openflow/server/server.js';
import type { PeerKind } from '../openflow/server/session.js';
import type { Target } from '../openflow/target.js';
import { directly } from './peer-stream.js';
import { dial } from './target-sockets.js';
import type { Tls } from './tls.js';

/** A controller as it is configured; the names of the times are those of the database's columns. */
export interface ControllerSpec {
  /** As it was written: its name in logs. */
  readonly text: string;
  readonly target: Target;
  /** Active ones are primary and passive ones service, unless it is said. */
  readonly peer: PeerKind;
  readonly maxBackoffMs: number;
  readonly probeMs: number;
  readonly rate: Rate | undefined;
}

export interface LinkDeps {
  readonly server: OpenFlowServer;
  readonly clock: Clock;
  readonly tls: Tls | undefined;
  log(text: string): void;
  /** The controller is in charge. */
  admitted(): void;
  /** A visitor is gone. */
  over(link: ControllerLink): void;
}

/** What only a controller in charge sends: it changes flows, or moves packets. */
const IN_CHARGE: ReadonlySet<Kind> = new Set<Kind>(['flow_mod', 'packet_out', 'group_mod', 'meter_mod', 'port_mod']);

export class ControllerLink {
  readonly reconnect: Reconnect;
  private connection: Connection | undefined;
  private stream: Duplex | undefined;
  private giveUp: () => void = () => {};

  /** `visitor`: a stream that came to us. */
  constructor(
    readonly spec: ControllerSpec,
    private readonly deps: LinkDeps,
    visitor?: Duplex,
  ) {
    const { maxBackoffMs, probeMs } = spec;
    this.reconnect = new Reconnect(
      deps.clock,
      {
        open: () => this.open(),
        close: () => this.drop(),
        probe: () => this.connection?.send('echo_request', new Uint8Array(0)),
        changed: (state, why) => {
          if (!visitor && state !== 'CONNECTING') deps.log(`${spec.text}: ${why}`);
          if (visitor && state === 'VOID') deps.over(this);
        },
      },
      { maxBackoffMs, probeMs, reliable: !visitor },
    );
    if (visitor) this.serve(visitor);
  }

  status(): PeerStatus | undefined {
    return this.connection && this.deps.server.status(this.connection);
  }

  /** Lets go of the connection and begins anew; a visitor goes for good. */
  again(why: string): void {
    if (!this.connection) return;
    this.drop();
    this.reconnect.failed(why);
  }

  close(): void {
    this.reconnect.close();
    this.drop();
  }

  private open(): void {
    this.giveUp = dial(this.spec.target, this.deps.tls, {
      open: (stream) => this.serve(stream),
      failed: (why) => this.reconnect.failed(why),
    });
  }

  private serve(opened: Duplex): void {
    const { server } = this.deps;
    const stream = directly(opened);
    this.stream = stream;
    this.connection = server.accept(stream, this.spec.peer, {
      rate: this.spec.rate,
      ready: () => this.reconnect.connected(),
      // Not each byte: who sends half a message, ever more slowly, is not there.
      heard: () => {
        if (this.stream === stream) this.reconnect.heard();
      },
      message: (kind) => {
        if (!IN_CHARGE.has(kind)) return;
        this.reconnect.admitted();
        this.deps.admitted();
      },
      closed: (why) => {
        // Not when it was us who let go of it.
        if (this.stream !== stream) return;
        this.stream = undefined;
        this.connection = undefined;
        this.reconnect.failed(why);
      },
    });
  }

  /** Lets go of the stream, whether it is open or was to be. */
  private drop(): void {
    this.giveUp();
    const { stream, connection } = this;
    this.stream = undefined;
    this.connection = undefined;
    connection?.end('closed');
    stream?.destroy();
  }
}
