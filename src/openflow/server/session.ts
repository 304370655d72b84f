/** What the switch remembers of one peer, and how handlers answer it. */
import type { CheckOptions } from '../../action/check.js';
import type { OfBridge } from '../../bridge/of-bridge.js';
import { N_TABLES } from '../../flowtable/flow-mod.js';
import type { Clock } from '../../lib/clock.js';
import type { Connection } from '../connection.js';
import { type Envelope, encode, encodeParts, type Message } from '../message.js';
import type { FlowUpdate } from '../messages/monitor.js';
import type { Kind, ValueOfKind } from '../registry.js';
import { defaultAsync } from './async-masks.js';
import { BundleTable } from './bundle-table.js';
import type { Monitor } from './monitor.js';
import { Pacer, type Rate } from './pacer.js';
import type { SwitchState } from './state.js';

/** `service`: a peer that came to a management socket; it gets unasked messages only after it set a miss_send_len. `primary`: a controller. */
export type PeerKind = 'service' | 'primary';

/** Roles, as 1.2 and later number them. */
export const ROLE = { noChange: 0, equal: 1, primary: 2, secondary: 3 } as const;
/** NXT_SET_PACKET_IN_FORMAT. */
export const PACKET_IN_FORMAT = { standard: 0, nxt: 1, nxt2: 2 } as const;

const NO_BYTES = new Uint8Array(0);

type Checks = { -readonly [K in keyof CheckOptions]: CheckOptions[K] };

export class Session {
  /** NXT_FLOW_MOD_TABLE_ID: the upper byte of a flow_mod's command of 1.0 is the table. */
  tableIds = false;
  /** NXT_SET_FLOW_FORMAT: 1.0 peers then get their flows in NXM. */
  nxm = false;
  packetInFormat: number = PACKET_IN_FORMAT.standard;
  controllerId = 0;
  missSendLen: number;
  /** 1.0 to 1.2's OFPC_INVALID_TTL_TO_CONTROLLER. */
  invalidTtl = false;
  role: number = ROLE.equal;
  async = defaultAsync();
  readonly bundles: BundleTable;
  readonly monitors = new Map<number, Monitor>();
  /** Changes of flows not told yet. */
  readonly updates: FlowUpdate[] = [];
  /** Packets that no flow matched, and those that a flow sent, where their rate is limited. */
  readonly pacers: readonly [Pacer, Pacer] | undefined;
  /** One for all messages: there may be 100,000 flow_mods. */
  private readonly plainChecks: Checks = {
    version: 0,
    table: undefined,
    // The last one is the switch's own: a flow may lead there.
    nTables: N_TABLES + 1,
    takesCt: () => this.bridge.takesCt,
  };
  private readonly checks: Checks = {
    ...this.plainChecks,
    groupExists: (id) => this.bridge.groups.get(id) !== undefined,
    meterExists: (id) => this.bridge.meters.get(id) !== undefined,
  };
  /** The message being answered. */
  private request: Pick<Message, 'xid' | 'more'> & { readonly bytes: Uint8Array } = {
    xid: 0,
    bytes: NO_BYTES,
    more: false,
  };

  constructor(
    readonly connection: Connection,
    readonly peer: PeerKind,
    /** Shared by all peers of the bridge. */
    readonly shared: SwitchState,
    rate?: Rate,
  ) {
    this.bundles = new BundleTable(shared.clock, shared.bundleMemory, (b) =>
      connection.sendError('OFPBFC_TIMEOUT', b.opener),
    );
    this.missSendLen = peer === 'primary' ? 128 : 0;
    if (!rate) return;
    const pacer = (): Pacer => new Pacer(shared.clock, rate, (make) => void connection.sendUnasked(make));
    this.pacers = [pacer(), pacer()];
  }

  /** The peer is gone. */
  close(): void {
    this.bundles.close();
    for (const p of this.pacers ?? []) p.close();
  }

  get bridge(): OfBridge {
    return this.shared.bridge;
  }

  get clock(): Clock {
    return this.shared.clock;
  }

  get version(): number {
    return this.connection.version;
  }

  /** What the actions of flows in a table must be by themselves. Good until the next call. */
  soundness(table: number): CheckOptions {
    const { plainChecks } = this;
    plainChecks.version = this.version;
    plainChecks.table = table;
    return plainChecks;
  }

  /** What actions are checked against; for those of flows with their table. Good until the next call. */
  actionChecks(table: number | undefined): CheckOptions {
    const { checks } = this;
    checks.version = this.version;
    checks.table = table;
    return checks;
  }

  /** Called before a handler runs. */
  begin(m: Message, bytes: Uint8Array): void {
    this.request = { xid: m.xid, bytes, more: m.more };
  }

  /** Transaction id of the request being handled. */
  get xid(): number {
    return this.request.xid;
  }

  /** A further part of the request comes. */
  get more(): boolean {
    return this.request.more;
  }

  get requestBytes(): Uint8Array {
    return this.request.bytes;
  }

  private envelope(name?: string): Envelope {
    return { version: this.version, xid: this.request.xid, name };
  }

  reply<K extends Kind>(kind: K, value: ValueOfKind<K>, name?: string): void {
    this.connection.write(encode(kind, value, this.envelope(name)));
  }

  /** A reply in as many messages as it takes, made and sent at the pace the peer reads. */
  replyParts<K extends Kind>(kind: K, elements: Parameters<typeof encodeParts<K>>[1], name?: string): void {
    this.connection.sendAll(encodeParts(kind, elements, this.envelope(name)), this.request.bytes);
  }
}
