/** The state of a walk (see walk.ts), how it begins and how it ends. */
import type { Action } from '../action/action.js';
import type { DpAction } from '../datapath/action.js';
import { DROP, type DropReasonName } from '../datapath/drop-reasons.js';
import { OFPP, type Subfield } from '../flow/field.js';
import { readBits } from '../flow/fields.js';
import { KEY_BYTES, newKey, OK, words } from '../flow/key.js';
import type { Rule } from '../flowtable/rule.js';
import { get16, isZero, put32 } from '../lib/bytes.js';
import { DP_KEY_BYTES, FRAG, K } from '../packet/key.js';
import { ETH, isIp, isMpls } from './commit.js';
import type { Frame, StackItem } from './frozen.js';
import { OFPR } from './output.js';
import type { TranslateInput, Translation } from './translation.js';
import type { BridgeView } from './view.js';
import type { Witness } from './witness.js';

/** Bits of ports, flags, ICMP types. */
function looksAtPorts(mask: Uint8Array): boolean {
  for (let i = K.tpSrc.offset; i < K.tcpFlags.offset + 2; i++) if (mask[i] !== 0) return true;
  return false;
}

/** Bits of headers that no packet of this Ethernet type has: they are zero in each key, and look-ups or pushed headers may have marked them. */
function forgetAbsent(key: Uint8Array, mask: Uint8Array): void {
  const type = get16(key, K.ethType.offset);
  if (!isMpls(type)) mask.fill(0, K.mplsLse0.offset, K.mplsLse2.offset + 4);
  if (type !== ETH.nsh) mask.fill(0, K.nshFlags.offset, K.nshC4.offset + 4);
}

/** Every tunnel has ends. */
function cameByTunnel(key: Uint8Array): boolean {
  return !isZero(key, K.tunSrc.offset, K.tunIpv6Dst.offset + K.tunIpv6Dst.bytes);
}

/** What did not come by a tunnel has zeros there, whatever flows write: the port of arrival says so already. */
function clearTunnel(mask: Uint8Array): void {
  mask.fill(0, K.tunId.offset, K.ctState.offset);
  mask.fill(0, K.tunErspanIdx.offset, K.tunId.offset);
  mask.fill(0, K.tunMetadata.offset, DP_KEY_BYTES);
}

/** A list and those in it without some actions, and without copies of nothing. */
function without(list: readonly DpAction[], some: ReadonlySet<DpAction>): DpAction[] {
  return list.flatMap((a): DpAction[] => {
    if (some.has(a)) return [];
    if (a.type !== 'clone' && a.type !== 'sample') return [a];
    const actions = without(a.actions, some);
    return actions.length === 0 ? [] : [{ ...a, actions }];
  });
}

export type PauseAction = Extract<Action, { type: 'controller' }>;

/** Everything a walk knows, from its start to its end; what changes it is in walk.ts and the files around it. */
export class WalkState {
  readonly flow = newKey();
  readonly base = newKey();
  private readonly baseWords = words(this.base);
  protected readonly flowWords = words(this.flow);
  /** The flow as a trace shows it at the end, where that is not how it goes on: what stood in NSH is seen in the next pass only. */
  shown: Uint8Array | undefined;
  mask!: Uint8Array;
  protected maskWords!: Uint32Array;
  t!: Translation;
  input!: TranslateInput;
  witness: Witness | undefined;
  /** Where actions go now: the top list, or that of a branch. */
  out: DpAction[] = [];
  bridge!: BridgeView;
  inPort = 0;
  table = 0;
  rule: Rule | undefined;
  stack: StackItem[] = [];
  actionSet: Action[] = [];
  /** Whole walk over: exit, or an error. */
  ended = false;
  failed = false;
  /** Why, in a word. */
  failure = '';
  /** Nothing comes after the action being walked, in its list or in those around it. */
  isLast = true;
  /** A later pass goes on: lists on the way out add what they have left to `frames`. */
  freezing = false;
  frames: Frame[] = [];
  /** Hash the next pass waits for. */
  freezeHash: Extract<DpAction, { type: 'hash' }> | undefined;
  /** A controller is to say when the next pass goes on. */
  pause: PauseAction | undefined;
  /** Of the rule that the walk began with, or whose list goes on in this pass: what a pause is told with. */
  topCookie = 0n;
  /** Cookie for packet-ins where the rule is not known any more. */
  lostCookie = 0n;
  /** A label was popped: what it covered is unknown until the next pass. */
  wasMpls = false;
  /**
   * The last label was popped in a copy that was undone. Nothing is unknown here; but OVS waits as if it were, and what goes on in other passes there
   * and here is counted with other lengths.
   */
  copyWasMpls = false;
  /** Labels were popped from a stack whose bottom is out of sight: more may follow those of the key. */
  deepLabels = false;
  /** An NSH header that is still to be written: options of MD type 2, where it is that. */
  pendingNsh: { readonly options: Uint8Array | undefined } | undefined;
  /** A label that is still to be written: around a frame, or not. */
  pendingLabel: { readonly whole: boolean } | undefined;
  /** See wrap.ts. */
  flowShape = 0;
  baseShape = 0;
  shapes = 0;
  /** Bytes the next output is cut to; 0: not. */
  cut = 0;
  /** Bits of the bridge's mirrors that have their copy. */
  mirrored = 0;
  depth = 0;
  /** Headers of tunnels around what is walked. */
  tunnelDepth = 0;
  /** The last way into a tunnel ended where its next hop's link address is not known. */
  lacksNeighbor = false;
  /** Copies that only wait for one. */
  readonly later = new Set<DpAction>();
  /** Copies around the action being walked. */
  copies = 0;
  protected resubmits = 0;
  reason: DropReasonName | undefined;
  sent = false;
  /** The list being walked is, or was come to from, an action set. */
  inActionSet = false;
  /** The list being walked is a bucket's own: not that of a table or a copy that the bucket sends to. */
  inBucket = false;
  /** The list being walked and the place in it, for actions that take the rest with them. */
  current: readonly Action[] = [];
  position = 0;
  /** Hears of each action of the next list before it: where a trace says whose actions go on in a later pass. */
  before: ((a: Action) => void) | undefined;
  /** Said by an action that took the rest of its list with it. */
  listOver = false;

  protected begin(input: TranslateInput, t: Translation): void {
    t.reset();
    this.input = input;
    this.witness = input.witness;
    this.witness?.begin(input.key);
    this.t = t;
    this.mask = t.mask;
    this.maskWords = t.maskWords;
    this.out = t.actions;
    this.flow.set(input.key);
    // What is traced may be described with registers.
    if (!input.tracer) this.flow.fill(0, DP_KEY_BYTES, KEY_BYTES);
    this.baseWords.set(this.flowWords);
    this.stack = [];
    this.actionSet = [];
    this.frames = [];
    this.freezeHash = this.pendingNsh = this.pendingLabel = undefined;
    this.flowShape = this.baseShape = this.shapes = 0;
    this.ended = this.failed = this.freezing = this.wasMpls = this.deepLabels = this.sent = this.listOver = false;
    this.later.clear();
    this.cut = this.mirrored = this.depth = this.tunnelDepth = this.copies = this.resubmits = this.table = 0;
    this.isLast = true;
    this.shown = undefined;
    this.rule = undefined;
    this.pause = this.before = undefined;
    this.topCookie = 0n;
    // No rule's: as OVS says it.
    this.lostCookie = input.actions ? 0xffffffffffffffffn : 0n;
    this.inActionSet = this.inBucket = this.copyWasMpls = false;
    this.reason = undefined;
    this.enterBridge(input.bridge, input.inPort);
    this.alwaysLooked();
  }

  /** What every megaflow matches on, whatever the pipeline says: prerequisites of everything else rest on these. */
  private alwaysLooked(): void {
    const m = this.mask;
    m.fill(0xff, K.inPort.offset, K.recircId.offset + 4);
    m.fill(0xff, K.ethType.offset, K.ethType.offset + 2);
    m.fill(0xff, K.packetType.offset, K.packetType.offset + 4);
    if (isIp(get16(this.flow, K.ethType.offset))) m[K.nwFrag.offset] |= FRAG.any | FRAG.later;
  }

  enterBridge(bridge: BridgeView, inPort: number): void {
    this.bridge = bridge;
    this.inPort = inPort;
    put32(this.flow, OK.ofInPort.offset, inPort);
    put32(this.flow, OK.actsetOutput.offset, OFPP.unset);
    if (!this.t.visited.includes(bridge)) this.t.visited.push(bridge);
    this.input.tracer?.bridge(bridge);
  }

  protected finish(): void {
    const { t } = this;
    if (this.failed) {
      t.actions = [];
      this.sent = false;
    }
    // Where nothing else becomes of the packet it waits itself.
    if (!this.sent && this.later.size > 0) t.actions = without(t.actions, this.later);
    // The packet ends with the list, so what is last needs no copy of it.
    const last = t.actions.at(-1);
    if (last?.type === 'clone') t.actions.splice(-1, 1, ...last.actions);
    if (!this.sent) {
      t.reason = DROP[this.reason ?? 'policy'];
      t.actions.push({ type: 'drop', reason: t.reason });
    }
    t.mask.fill(0, DP_KEY_BYTES);
    if (!cameByTunnel(this.input.key)) clearTunnel(t.mask);
    t.mask[K.lines.offset] = 0;
    forgetAbsent(this.input.key, t.mask);
    // No fragment but the first has ports, and the key says 0 for every one.
    if (this.input.key[K.nwFrag.offset] & FRAG.later) t.mask.fill(0, K.tpSrc.offset, K.tpDst.offset + 2);
    // Ports mean something only together with the protocol: a flow that looks at them says of which.
    if (looksAtPorts(t.mask)) t.mask[K.nwProto.offset] = 0xff;
    // A tag is there or not: bits of one are only ever compared together with that.
    if (get16(t.mask, K.vlanTci.offset)) t.mask[K.vlanTci.offset] |= 0x10;
    if (get16(t.mask, K.vlan2Tci.offset)) t.mask[K.vlan2Tci.offset] |= 0x10;
  }

  /** What controllers are told of an output to them: what list it stands in, OFPR_. A trace of a packet-out is none, as in OVS. */
  get origin(): number {
    if (this.input.actions && !this.traced) return OFPR.packetOut;
    if (this.inBucket) return OFPR.group;
    return this.inActionSet ? OFPR.actionSet : OFPR.action;
  }

  /** Something looks at the packet in a way of its own: the decision is no precedent. */
  standsAlone(): void {
    if (this.witness) this.witness.alone = true;
  }

  get learns(): boolean {
    return this.input.tracer === undefined || this.input.learns === true;
  }

  /** Runs `body` with what it looks at kept apart: for a packet that is made of this one, whose fields are not this one's. */
  aside(body: () => void): void {
    const { mask, maskWords } = this;
    this.mask = newKey();
    this.maskWords = words(this.mask);
    body();
    this.mask = mask;
    this.maskWords = maskWords;
  }

  get traced(): boolean {
    return this.input.tracer !== undefined;
  }

  peek(f: Subfield): bigint {
    return readBits(this.flow, f);
  }

  note(text: () => string): void {
    this.input.tracer?.note(text());
  }
}
