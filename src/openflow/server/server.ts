/**
 * The switch's side of OpenFlow. Streams are arguments: whoever opens sockets calls `accept` for each that connects. One server a bridge.
 */
import type { Duplex } from 'node:stream';
import type { OfBridge } from '../../bridge/of-bridge.js';
import { Match } from '../../flow/match.js';
import type { Clock } from '../../lib/clock.js';
import { Connection } from '../connection.js';
import { ofError } from '../errors.js';
import type { Message } from '../message.js';
import type { Description } from '../messages/basic.js';
import type { Kind } from '../registry.js';
import { ALL_VERSIONS } from '../version.js';
import { accountHandlers } from './accounts.js';
import { basicHandlers } from './basic.js';
import { bundleHandlers } from './bundle.js';
import { controllerHandlers } from './controller.js';
import { flowHandlers } from './flow.js';
import { groupHandlers } from './group.js';
import type { Handler, Handlers } from './handler.js';
import { meterHandlers } from './meter.js';
import { monitorHandlers, noteChange, tellChanges } from './monitor.js';
import type { PacerCounts, Rate } from './pacer.js';
import { broadcaster, demote, listens, packetHandlers, wantsMisses } from './packet.js';
import { type PeerKind, ROLE, Session } from './session.js';
import { DEFAULT_DESCRIPTION, type SwitchState } from './state.js';
import { tableHandlers } from './table.js';
import { tlvHandlers } from './tlv.js';

const HANDLERS: Handlers = {
  ...accountHandlers,
  ...basicHandlers,
  ...bundleHandlers,
  ...controllerHandlers,
  ...flowHandlers,
  ...groupHandlers,
  ...meterHandlers,
  ...monitorHandlers,
  ...packetHandlers,
  ...tableHandlers,
  ...tlvHandlers,
};

/** Bytes that may wait in all for peers that are slow to read; each has its share, and a least one: the largest message. */
const ROOM = 64 << 20;
const LEAST_ROOM = 1 << 16;

export interface ServerOptions {
  /** Versions offered, bit n for wire version n. Default: 1.0 to 1.5. */
  readonly versions?: number;
  readonly description?: Partial<Description>;
  /** Bugs of ours that a message met. Its connection has been closed. */
  readonly fault?: (e: unknown) => void;
  /** For the log: a peer came, went, or was refused something. */
  readonly log?: (text: string) => void;
}

/** How a peer is served, and what its owner wants to know. */
export interface PeerOptions {
  /** Limits packet-ins: misses and the others each to this rate. Undefined: no limit but that of the connection. */
  readonly rate?: Rate;
  /** Both hellos are exchanged. */
  ready?(): void;
  /** A whole message came. */
  heard?(): void;
  /** Before a message is acted upon. */
  message?(kind: Kind): void;
  closed?(why: string): void;
}

export interface PeerStatus {
  readonly version: number;
  readonly role: number;
  /** Unasked messages refused because the peer did not read. */
  readonly dropped: number;
  /** Of misses, then of other packets; undefined without a limit. */
  readonly pacing?: readonly (PacerCounts & { readonly backlog: number })[];
}

export class OpenFlowServer {
  private readonly sessions = new Set<Session>();
  private readonly state: SwitchState;
  private readonly unlisten: () => void;
  private versions: number;
  /** What flow_mods match, one after the other. */
  private readonly scratch = new Match();
  /** Whose message is being handled. */
  private acting: Session | undefined;

  constructor(
    bridge: OfBridge,
    clock: Clock,
    private readonly options: ServerOptions = {},
  ) {
    this.versions = options.versions ?? ALL_VERSIONS;
    this.state = {
      bridge,
      clock,
      description: { ...DEFAULT_DESCRIPTION, ...options.description },
      generation: undefined,
      bundleMemory: { bytes: 0 },
      demoteOthers: (except) => {
        for (const s of this.sessions) if (s !== except && s.role === ROLE.primary) demote(s);
      },
    };
    this.unlisten = bridge.listen({
      ...broadcaster(this.sessions, bridge),
      ruleChanged: (e) => {
        for (const s of this.sessions) if (s.monitors.size) noteChange(s, e, s === this.acting);
        if (!this.acting) this.tellChanges();
      },
    });
  }

  /** Serves a peer until it, or `close`, ends the stream. */
  accept(stream: Duplex, peer: PeerKind = 'service', options: PeerOptions = {}): Connection {
    const connection: Connection = new Connection(stream, this.versions, {
      lent: this.scratch,
      clock: this.state.clock,
      room: () => Math.max(LEAST_ROOM, ROOM / this.sessions.size),
      heard: () => options.heard?.(),
      ready: () => {
        if (listens(session)) this.countListeners();
        options.ready?.();
      },
      message: (m, bytes) => {
        options.message?.(m.kind);
        session.begin(m, bytes);
        this.acting = session;
        try {
          dispatch(session, m);
        } finally {
          this.acting = undefined;
          this.tellChanges();
          if (m.kind === 'set_config' || m.kind === 'set_controller_id') this.countListeners();
        }
      },
      closed: (why) => {
        this.sessions.delete(session);
        session.close();
        if (listens(session)) this.countListeners();
        this.options.log?.(`${this.state.bridge.name}: ${why}`);
        options.closed?.(why);
      },
      tun: () => this.state.bridge.tun,
      fault: this.options.fault,
    });
    const session = new Session(connection, peer, this.state, options.rate);
    this.sessions.add(session);
    return connection;
  }

  /** Versions offered from now on. Controllers begin anew when they are others than before. */
  setVersions(versions: number): void {
    if (versions === this.versions) return;
    this.versions = versions;
    this.reconnect('the versions of OpenFlow offered have changed');
  }

  setDescription(description: Partial<Description>): void {
    this.state.description = { ...DEFAULT_DESCRIPTION, ...description };
  }

  /** Ends the connections of controllers; those that we made are made again. */
  reconnect(why: string): void {
    for (const s of [...this.sessions]) if (s.peer === 'primary') s.connection.end(why);
  }

  /** Of a connection that `accept` made; undefined when it has ended. */
  status(connection: Connection): PeerStatus | undefined {
    for (const s of this.sessions) {
      if (s.connection !== connection) continue;
      const pacing = s.pacers?.map((p) => ({ ...p.counts, backlog: p.backlog }));
      return { version: s.version, role: s.role, dropped: connection.dropped, pacing };
    }
    return undefined;
  }

  private tellChanges(): void {
    for (const s of this.sessions) tellChanges(s);
  }

  private countListeners(): void {
    const all = [...this.sessions].filter(listens);
    this.state.bridge.setControllers(all.length, all.some(wantsMisses));
  }

  /** Copies to a listener what a controller and the switch say to each other. Without a controller the stream is ended. */
  snoop(stream: Duplex): void {
    const watched = this.controller();
    if (!watched) {
      // Read before ending, or the listener sees a reset instead of an end.
      stream.on('error', () => {});
      stream.resume();
      stream.end();
      return;
    }
    const copy = (bytes: Uint8Array): void => {
      if (listener.version !== 0) listener.sendUnasked(bytes);
    };
    const listener: Connection = new Connection(stream, 1 << watched.version, {
      message: () => {},
      closed: () => watched.observers.delete(copy),
      fault: this.options.fault,
    });
    watched.observers.add(copy);
  }

  /** The connection worth listening to: that of the controller with the highest role. */
  private controller(): Connection | undefined {
    const rank = (s: Session) => (s.role === ROLE.primary ? 2 : s.role === ROLE.equal ? 1 : 0);
    let best: Session | undefined;
    for (const s of this.sessions) {
      if (s.peer === 'primary' && s.version !== 0 && (!best || rank(s) > rank(best))) best = s;
    }
    return best?.connection;
  }

  /** Of the peers that are connected now. */
  connections(): Connection[] {
    return [...this.sessions].map((s) => s.connection);
  }

  /** Ends every connection. */
  close(): void {
    this.unlisten();
    for (const s of [...this.sessions]) s.connection.end('switch is shutting down');
  }
}

function dispatch(s: Session, m: Message): void {
  const handler = HANDLERS[m.kind] as Handler<never> | undefined;
  // What a switch never receives (replies, notices, a second hello) is a bad type, even though its row is known.
  if (!handler) throw ofError('OFPBRC_BAD_TYPE');
  handler(s, m.value as never, m.name);
}
