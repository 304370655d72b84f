/**
 * The action executor, plain. It is the specification of native/action/execute.cc: both give the same events, byte for byte.
 *
 * A list runs in order. What the actions mean, where it is not plain from their names:
 * - `output` sends a copy, unless it is the list's last action: then the packet itself goes. `recirc` likewise.
 * - `clone`, `sample` and `check_pkt_len` run their lists on a copy, so that nothing they do to frame or metadata is seen after them; as the last
 *   action they run on the packet itself. `check_pkt_len` compares the bytes of the frame, or of one segment when it is to be cut.
 * - `userspace` sends the frame as it is now up with the key that was looked up (and metadata as it is now); the packet goes on.
 * - `trunc` is about the next output only, in this list or in a nested one that runs first; recirculation forgets it. What it says is
 *   how many bytes go off the end, as many as the frame has too much when it is said, of 14 at least; headers put on or taken off later do not count. A frame
 *   that is really cut loses its offload state: it is no segment any more, and its checksum cannot be finished. A tunnel cuts what goes into it.
 * - `set`, `pop`: a header that is not there (src/datapath/reference/headers.ts) leaves the frame as it is. Checksums over what changes are
 *   brought up to date, not made: a wrong one stays wrong. A UDP checksum of 0 stays. NEEDS_CSUM frames hold only the sum of
 *   the pseudo-header, so only addresses change it.
 * - Tags beyond the VLAN limit are payload. A push counts one more tag, a pop one less: what stood behind the limit stays behind it.
 * - `push_nsh`, `pop_nsh`, `push_eth`, `pop_eth`: see src/datapath/reference/wrap.ts. What is in front then may have as many tags as are read.
 * - `tnl_push`, `tnl_pop`: see src/datapath/reference/tunnel.ts, and fit.ts for what is too long. A packet that a device was to cut is cut before either, and the rest of the list runs for each
 *   piece. After a push the tunnel, hash and tracking slots of the key are zero. A pop is a recirculation to pass 0; what is refused is dropped.
 * - `hash` looks at the frame as it is now. `sample` draws a number unless it is to run always.
 *
 * How a packet ends. Each packet ends once: at its list's last action if that takes it over, at `drop` and a `meter` over its rate, or after the last
 * action. It counts as delivered when a port or the slow path took it or a copy of it; a copy that is recirculated answers for itself and counts
 * as taken. At the end a delivered packet is released; another one is dropped, with the reason of what failed last (a refused
 * output or upcall, no buffer for a copy, a sample that was not drawn), or as policy when nothing was tried.
 */
import { unreachable } from '../../lib/errors.js';
import { dpHash } from '../../packet/dp-hash.js';
import { extract } from '../../packet/extract.js';
import { fragment, linkEnd, tooBig } from '../../packet/fragment.js';
import { K } from '../../packet/key.js';
import { finishChecksum, GSO, segment } from '../../packet/offload.js';
import { ETH_TYPE, IP_PROTO } from '../../packet/wire/wire.js';
import { type DpAction, SAMPLE_ALWAYS, type UserCookie } from '../action.js';
import { NO_OFFLOAD, type TunnelCounter } from '../datapath.js';
import { DROP } from '../drop-reasons.js';
import { answerKey, bytesOf, roomOf } from './fit.js';
import { ETH_HEADER, type Headers, locate, u16 } from './headers.js';
import { merge } from './merge.js';
import { put32, setTunnel, setWord } from './metadata.js';
import { copyPacket, HEADROOM, type Packet } from './packet.js';
import { popMpls, popVlan, pushMpls, pushVlan } from './push-pop.js';
import { SETS } from './set.js';
import { decapsulate, encapsulate, isUdp, isUncutInside, Joined } from './tunnel.js';
import { addMpls, popMplsWhole, popNsh, pushNsh, setAddresses } from './wrap.js';

/** What surrounds the executor. Answers are numbers of DROP_REASONS; 0 is "taken". */
export interface Sink {
  // These four take the packet over.
  /** Refused: counted on the output port, and the packet ends as with `drop`. */
  output(p: Packet, port: number): number;
  recirculate(p: Packet, key: Uint8Array, id: number): void;
  /** Counts only for a packet that was not delivered and is no copy. */
  drop(p: Packet, reason: number): void;
  release(p: Packet): void;
  // The packet stays the caller's.
  userspace(p: Packet, key: Uint8Array, cookie: UserCookie): number;
  /** The packet, of so many bytes without room for headers that it has not, goes into a tunnel: counted as sent by its port. Returns how many have before. */
  encapsulated(p: Packet, port: number, bytes: number): number;
  /** The packet came out of a tunnel: its end at the port it was counted on, and its arrival at the tunnel's. Refused: nothing has changed. */
  arrive(p: Packet, port: number, bytes: number): number;
  /** A counter of a port grows. */
  tally(port: number, counter: TunnelCounter, n: number): void;
  /** False: over the rate. */
  meter(id: number, bytes: number): boolean;
  random(): number;
}

/** Takes `p` and `key` over. `maxVlans`: tags that extraction reads. */
export function execute(sink: Sink, p: Packet, key: Uint8Array, actions: readonly DpAction[], maxVlans: number): void {
  new Run(sink, p, key, maxVlans, maxVlans).list(actions);
}

/** What every host takes as an answer to how much fits (RFC 1191). */
const LEAST_MTU = 68;
/** What an answer has more than the packet it quotes: IP and ICMP. */
const ICMP_HEADERS = { v4: 28, v6: 48 } as const;

type Push = Extract<DpAction, { type: 'tnl_push' }>;

/** An Ethernet header: nothing is cut to less. */
const SHORTEST = 14;

/** What `trunc` asked for. */
function cut(p: Packet): void {
  if (p.trunc !== 0) {
    p.frame = p.frame.slice(0, Math.max(1, p.frame.length - p.trunc));
    p.offload = NO_OFFLOAD;
  }
  p.trunc = 0;
}

/** One packet in one list. */
class Run {
  private why: number = DROP.policy;

  constructor(
    private readonly sink: Sink,
    private readonly p: Packet,
    private readonly key: Uint8Array,
    private readonly maxVlans: number,
    /** Tags in front of the frame that are not payload, at most. */
    private vlans: number,
  ) {}

  /** Runs to the packet's end. 0: delivered; else why not. */
  list(actions: readonly DpAction[]): number {
    for (let i = 0; i < actions.length; i++) {
      const end = this.step(actions[i], actions, i);
      if (end !== undefined) return end;
    }
    if (!this.p.delivered) return this.drop(this.why);
    this.sink.release(this.p);
    return 0;
  }

  /** A number: the packet has ended, as `list` says. */
  private step(a: DpAction, all: readonly DpAction[], at: number): number | undefined {
    const p = this.p;
    const last = at === all.length - 1;
    switch (a.type) {
      case 'output':
        return this.output(a.port, last);
      case 'recirc':
        return this.recirc(a.id, last);
      case 'clone':
        return this.nested(a.actions, last);
      case 'sample':
        if (a.probability === SAMPLE_ALWAYS || this.sink.random() < a.probability) return this.nested(a.actions, last);
        return this.failed(DROP.sampled_out);
      case 'check_pkt_len':
        return this.nested(this.wireLength() > a.length ? a.greater : a.lessEqual, last);
      case 'userspace':
        return this.taken(this.sink.userspace(p, this.key, a.cookie));
      case 'drop':
        return this.drop(a.reason);
      case 'meter':
        return this.sink.meter(a.id, bytesOf(p.frame, this.key)) ? undefined : this.drop(DROP.meter);
      case 'trunc':
        p.trunc = Math.max(0, p.frame.length - Math.max(SHORTEST, a.maxLen));
        return undefined;
      case 'hash':
        return this.hash(a.alg, a.basis);
      case 'push_vlan':
        if (!pushVlan(p, a.tpid, a.tci)) return this.drop(DROP.no_headroom);
        this.vlans++;
        return undefined;
      case 'pop_vlan':
        if (popVlan(p, this.vlans)) this.vlans--;
        return undefined;
      case 'push_mpls':
        return pushMpls(p, this.vlans, a.lse, a.ethType) ? undefined : this.drop(DROP.no_headroom);
      case 'pop_mpls':
        if (!a.whole) popMpls(p, this.vlans, a.ethType);
        else if (popMplsWhole(p)) this.vlans = this.maxVlans;
        return undefined;
      case 'add_mpls':
        if (!addMpls(p, a)) return this.drop(DROP.no_headroom);
        if (a.whole) this.vlans = this.maxVlans;
        return undefined;
      case 'push_eth':
        return void setAddresses(p, a.addresses);
      case 'pop_eth':
        return void setAddresses(p, undefined);
      case 'push_nsh':
        if (!pushNsh(p, a.header)) return this.drop(DROP.no_headroom);
        this.vlans = this.maxVlans;
        return undefined;
      case 'pop_nsh':
        if (popNsh(p)) this.vlans = this.maxVlans;
        return undefined;
      case 'tnl_push':
        cut(p);
        if (!this.isUncut()) return this.push(a, all, at);
        return isUdp(a) && this.joins(a) ? this.joined(a, all.slice(at + 1)) : this.pieces(all.slice(at), this.most(a));
      case 'tnl_pop':
        return this.isUncut() && !isUncutInside(p, a.tunnel.kind, this.vlans) && !(last && merge(p, a.tunnel.kind))
          ? this.pieces(all.slice(at))
          : this.pop(a, last);
      case 'set':
        return this.set(a);
      default:
        return unreachable(a);
    }
  }

  private drop(reason: number): number {
    this.sink.drop(this.p, reason);
    return this.p.delivered ? 0 : reason;
  }

  private failed(why: number): undefined {
    this.why = why;
  }

  private taken(why: number): undefined {
    if (why === 0) this.p.delivered = true;
    else this.why = why;
  }

  private output(port: number, last: boolean): number | undefined {
    const out = last ? this.p : copyPacket(this.p);
    cut(out);
    this.p.trunc = 0;
    const why = this.sink.output(out, port);
    if (last) return this.p.delivered ? 0 : why;
    return this.taken(why);
  }

  private recirc(id: number, last: boolean): number | undefined {
    const again = last ? this.p : copyPacket(this.p);
    again.trunc = 0;
    this.sink.recirculate(again, this.key.slice(), id);
    return last ? 0 : this.taken(0);
  }

  private nested(actions: readonly DpAction[], last: boolean): number | undefined {
    if (last) return this.list(actions);
    const inner = new Run(this.sink, copyPacket(this.p), this.key.slice(), this.maxVlans, this.vlans);
    this.p.trunc = 0;
    return this.taken(inner.list(actions));
  }

  private isUncut(): boolean {
    return (this.p.offload.gsoType & 0x7f) !== 0;
  }

  /** L3 bytes that fit through a tunnel. */
  private most(a: Push): number {
    return Math.min(0xffff, Math.max(0, roomOf(a) - linkEnd(this.p.frame)));
  }

  /** Do all segments fit through a tunnel? Those of TCP are cut so. */
  private joins(a: Push): boolean {
    const gso = this.p.offload.gsoType & ~GSO.ecn;
    return gso === GSO.tcp4 || gso === GSO.tcp6 || this.wireLength() <= roomOf(a);
  }

  /** Runs the rest of the list for each segment, cut to `mtu` L3 bytes where it may be cut so. */
  private pieces(rest: readonly DpAction[], mtu = 0xffff): number {
    return this.each(segment(this.p.frame, this.p.offload, mtu), rest, DROP.malformed);
  }

  /** Runs a list for each of the frames that the packet has become; undefined: it ends for that reason. */
  private each(
    frames: readonly Uint8Array[] | undefined,
    rest: readonly DpAction[],
    refused: number,
    done: (made: number) => void = () => undefined,
  ): number {
    const { p } = this;
    if (!frames) return this.drop(refused);
    const most = p.trunc ? p.frame.length - p.trunc : Number.POSITIVE_INFINITY;
    for (const frame of frames) {
      const trunc = Math.max(0, frame.length - most);
      const piece = { ...p, frame, trunc, offload: NO_OFFLOAD, headroom: HEADROOM, delivered: false, counted: false };
      this.taken(new Run(this.sink, piece, this.key.slice(), this.maxVlans, this.vlans).list(rest));
    }
    done(frames.length);
    if (!p.delivered) return this.drop(this.why);
    this.sink.release(p);
    return 0;
  }

  /** The segments with a header each, put together as datagrams to be cut; then the rest of the list for what that makes. */
  private joined(a: Push, rest: readonly DpAction[]): number {
    const { p, sink } = this;
    const frames = segment(p.frame, p.offload, this.most(a));
    if (!frames) return this.drop(DROP.malformed);
    let open: { readonly joined: Joined; readonly key: Uint8Array } | undefined;
    const flush = (): void => {
      if (!open) return;
      const big = open.joined.packet();
      this.taken(new Run(sink, big, open.key, this.maxVlans, this.maxVlans).list(rest));
    };
    for (const frame of frames) {
      const piece = { ...p, frame, offload: NO_OFFLOAD, headroom: HEADROOM, delivered: false, counted: false };
      const key = this.key.slice();
      const why = encapsulate(piece, key, a, (bytes) => sink.encapsulated(piece, a.port, bytes));
      if (why !== 0) {
        sink.drop(piece, why);
        this.taken(why);
        continue;
      }
      if (!open?.joined.add(piece)) {
        flush();
        open = { joined: new Joined({ ...piece, headroom: HEADROOM }), key };
      }
      sink.release(piece);
    }
    flush();
    if (!p.delivered) return this.drop(this.why);
    sink.release(p);
    return 0;
  }

  private push(a: Push, all: readonly DpAction[], at: number): number | undefined {
    if (this.p.frame.length > roomOf(a)) return this.misfit(a, all, at);
    const why = encapsulate(this.p, this.key, a, (bytes) => this.sink.encapsulated(this.p, a.port, bytes));
    if (why !== 0) return this.drop(why);
    this.vlans = this.maxVlans;
    return undefined;
  }

  /** The packet is too long for its tunnel. */
  private misfit(a: Push, all: readonly DpAction[], at: number): number {
    const { p } = this;
    const l3 = linkEnd(p.frame);
    const isIpv4 = p.frame.length >= l3 && u16(p.frame, l3 - 2) === ETH_TYPE.ipv4;
    if (!a.fit?.cut && !isIpv4) return this.tell(a, l3);
    if (!finishChecksum(p.frame, p.offload)) return this.drop(DROP.malformed);
    p.offload = NO_OFFLOAD;
    if (!a.fit?.cut) {
      const parts = fragment(p.frame, l3, this.most(a), 0);
      return parts ? this.fragments(a, parts, all.slice(at)) : this.tell(a, l3);
    }
    let count = 0;
    const why = encapsulate(p, this.key, a, (bytes) => {
      count = this.sink.encapsulated(p, a.port, bytes);
      return count;
    });
    if (why !== 0) return this.drop(why);
    this.vlans = this.maxVlans;
    return this.fragments(a, fragment(p.frame, ETH_HEADER, a.fit.mtu, count), all.slice(at + 1));
  }

  private fragments(a: Push, parts: readonly Uint8Array[] | undefined, rest: readonly DpAction[]): number {
    return this.each(parts, rest, DROP.mtu, (n) => this.sink.tally(a.port, 'tnl_fragments', n));
  }

  /** The sender hears of what would fit, and the packet ends. */
  private tell(a: Push, l3: number): number {
    const { p, sink } = this;
    const most = roomOf(a) - l3;
    const frame = most >= LEAST_MTU ? tooBig(p.frame, most) : undefined;
    const more = frame ? ICMP_HEADERS[u16(frame, l3 - 2) === ETH_TYPE.ipv4 ? 'v4' : 'v6'] : 0;
    if (!frame || p.headroom < more) return this.drop(DROP.mtu);
    const answer = { ...copyPacket(p), frame, offload: NO_OFFLOAD, headroom: p.headroom - more };
    const key = this.key.slice();
    answerKey(key, a, a.bare ? u16(frame, ETH_HEADER - 2) : 0);
    const why = sink.arrive(answer, a.port, bytesOf(frame, key));
    if (why === 0) {
      sink.tally(a.port, 'tnl_too_big', 1);
      sink.recirculate(answer, key, 0);
    } else sink.drop(answer, why);
    return this.drop(DROP.tunnel_mtu);
  }

  private pop({ port, tunnel }: DpAction & { type: 'tnl_pop' }, last: boolean): number | undefined {
    const out = last ? this.p : copyPacket(this.p);
    out.trunc = 0;
    const key = this.key.slice();
    const why = decapsulate(out, key, port, tunnel, this.vlans) || this.sink.arrive(out, port, bytesOf(out.frame, key));
    if (why === 0) this.sink.recirculate(out, key, 0);
    else if (last) return this.drop(why);
    else this.sink.drop(out, why);
    return last ? 0 : this.taken(why);
  }

  private hash(alg: 'l4' | 'sym_l4', basis: number): undefined {
    const now = this.key.slice();
    extract(this.p.frame, now, this.maxVlans);
    put32(this.key, K.dpHash, dpHash(alg, now, basis));
  }

  private set({ kind, value, mask }: DpAction & { type: 'set' }): undefined {
    if (kind === 'skb_priority') setWord(this.key, K.skbPriority, value, mask);
    else if (kind === 'skb_mark') setWord(this.key, K.pktMark, value, mask);
    else if (kind === 'tunnel') setTunnel(this.key, value, mask);
    else {
      const { frame, offload } = this.p;
      SETS[kind]({ frame, headers: locate(frame, this.vlans), offload, vlans: this.vlans, value, mask });
    }
  }

  /** Bytes of the frame, or of a full segment of a frame that will be cut before it meets a wire. */
  private wireLength(): number {
    const { frame, offload } = this.p;
    const gso = offload.gsoType & 0x7f;
    const h: Headers | undefined = gso === 0 ? undefined : locate(frame, this.vlans);
    if (!h || h.l4 < 0) return frame.length;
    let whole = 0;
    if ((gso === GSO.tcp4 || gso === GSO.tcp6) && h.proto === IP_PROTO.tcp)
      whole = h.l4 + (u16(frame, h.l4 + 12) >> 12) * 4 + offload.gsoSize;
    else if (gso === GSO.udpL4 && h.proto === IP_PROTO.udp) whole = h.l4 + 8 + offload.gsoSize;
    return whole === 0 ? frame.length : Math.min(frame.length, whole);
  }
}
