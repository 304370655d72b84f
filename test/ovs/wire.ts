/**
 * The tables of a running ovs-vswitchd over OpenFlow connections that stay, one a version: starting ovs-ofctl for each question takes ten times as long
 * as the answer. That both programs make the same bytes of a text is shown elsewhere (npm run test:lines).
 */
import { FlowReader } from '../../src/cli/ofctl/flow-parse.js';
import { Match } from '../../src/flow/match.js';
import { TABLE_ALL } from '../../src/flowtable/flow-mod.js';
import { GROUP } from '../../src/flowtable/groups.js';
import { decode, encode } from '../../src/openflow/message.js';
import type { Kind, ValueOfKind } from '../../src/openflow/registry.js';
import { parseGroup } from '../../src/openflow/text/group-parse.js';
import { formatBytes } from '../../src/openflow/text/message.js';
import { messageOf, NOTHING, TABLE_IDS } from '../openflow/lines/install.js';
import { Peer } from '../openflow/lines/peer.js';
import type { Pipeline } from '../pipelines/random-pipeline.js';

/** Numbers of versions on the wire. */
const WIRE: Readonly<Record<Pipeline['version'], number>> = { OpenFlow10: 1, OpenFlow13: 4, OpenFlow15: 6 };
/** Has all there is of groups and of counters. */
const NEWEST = WIRE.OpenFlow15;
const NONE = 0xffffffff;

const ALL_FLOWS = {
  table: TABLE_ALL,
  match: new Match(),
  cookieFilter: 0n,
  cookieMask: 0n,
  outPort: NONE,
  outGroup: NONE,
};

export class Wire {
  private readonly peers = new Map<number, Promise<Peer>>();
  private xid = 0;

  /** `path`: of the bridge's socket. */
  constructor(private readonly path: string) {}

  private peer(version: number): Promise<Peer> {
    const known = this.peers.get(version);
    if (known) return known;
    const opened = Peer.open(this.path, version).then(async (peer) => {
      // Flows of 1.0 name their tables, and what meets none is sent to every controller 0 of that version.
      const other = encode('set_controller_id', { controllerId: 1 }, { version, xid: 1 });
      if (version === 1) await peer.send([TABLE_IDS, other]);
      return peer;
    });
    this.peers.set(version, opened);
    return opened;
  }

  /** Sends a message of each text and waits until all are dealt with. Throws with the first text that is refused. */
  private async tell(
    version: number,
    texts: readonly string[],
    make: (text: string, xid: number) => Uint8Array | undefined,
  ): Promise<void> {
    const peer = await this.peer(version);
    const first = this.xid + 1;
    const messages = texts.map((text) => {
      const message = make(text, ++this.xid);
      if (!message) throw new Error(`not of this version: ${text}`);
      return message;
    });
    await peer.send(messages);
    const [refused] = peer.errors;
    peer.errors.clear();
    if (refused) throw new Error(`ovs-vswitchd refuses with ${refused[1]}: ${texts[refused[0] - first]}`);
  }

  private flows(version: Pipeline['version'], lines: readonly string[]): Promise<void> {
    const wire = WIRE[version];
    return this.tell(wire, lines, (line, xid) => messageOf(line, wire, xid));
  }

  private groups(lines: readonly string[]): Promise<void> {
    const context = new FlowReader(NOTHING).actionContext();
    return this.tell(NEWEST, lines, (line, xid) => {
      const { mod } =
        line === '' ? parseGroup(`group_id=${GROUP.all}`, 'delete', context) : parseGroup(line, 'add', context);
      return encode('group_mod', mod, { version: NEWEST, xid });
    });
  }

  /** In the place of all that is there. */
  async load({ flows, version, groups = [] }: Pipeline): Promise<void> {
    // Flows first: ovs-vswitchd may end by an assertion where groups of groups go together with the flows that send to them.
    await this.flows('OpenFlow15', ['delete']);
    await this.groups(['', ...groups]);
    await this.flows(version, flows);
  }

  /** A flow as ovs-ofctl --strict del-flows names it. */
  deleteStrict(version: Pipeline['version'], flow: string): Promise<void> {
    return this.flows(version, [`delete_strict ${flow}`]);
  }

  private async ask<K extends Kind>(kind: K, value: ValueOfKind<K>, version: number): Promise<Uint8Array[]> {
    const peer = await this.peer(version);
    return peer.ask(encode(kind, value, { version, xid: ++this.xid }), 0);
  }

  private async text<K extends Kind>(kind: K, value: ValueOfKind<K>, version: number): Promise<string> {
    const parts = await this.ask(kind, value, version);
    return parts.map((bytes) => formatBytes(bytes, { verbosity: 0 })).join('');
  }

  /** As ovs-ofctl dump-flows prints it. */
  flowText(): Promise<string> {
    return this.text('flow_stats_request', ALL_FLOWS, NEWEST);
  }

  /** As ovs-ofctl dump-group-stats prints it. */
  groupText(): Promise<string> {
    return this.text('group_stats_request', { id: GROUP.all }, NEWEST);
  }

  /** As ovs-ofctl meter-stats prints it. */
  meterText(): Promise<string> {
    return this.text('meter_stats_request', { id: NONE }, WIRE.OpenFlow13);
  }

  /** Packets that came in by a port and were dealt with: what arrives is taken before messages are. */
  async received(port: number): Promise<number> {
    const [bytes] = await this.ask('port_stats_request', { number: port }, WIRE.OpenFlow13);
    const reply = bytes && decode(bytes);
    const stats = reply?.kind === 'port_stats_reply' ? reply.value.find((p) => p.number === port) : undefined;
    if (!stats) throw new Error(`ovs-vswitchd does not say what came in by port ${port}`);
    return Number(stats.rxPackets);
  }

  async close(): Promise<void> {
    for (const opened of this.peers.values()) (await opened.catch(() => undefined))?.close();
  }
}
