/**
 * The way of a packet through the tables as text: what `ovs-appctl ofproto/trace` prints, from the same walk that decides for real packets. Nothing
 * is changed by it.
 *
 * Text nests like OVS's: a table that is not the last thing in its list stands four further in, and what is in it eight.
 */
import type { Action } from '../action/action.js';
import { formatActions } from '../action/list.js';
import type { DpAction } from '../datapath/action.js';
import { formatDpActions } from '../datapath/text/actions.js';
import { OFPP } from '../flow/field.js';
import { formatKey } from '../flow/format-key.js';
import { formatMatch } from '../flow/format-match.js';
import { newKey, OK } from '../flow/key.js';
import { expand, Match } from '../flow/match.js';
import type { TunTable } from '../flow/tun-table.js';
import type { Rule } from '../flowtable/rule.js';
import { get16, put32 } from '../lib/bytes.js';
import { K } from '../packet/key.js';
import type { Tracer, Translation } from './translation.js';
import type { BridgeView } from './view.js';
import type { Walk } from './walk.js';

interface Node {
  readonly text: string;
  /** Drawn under the text, and an empty line over it. */
  readonly isBridge: boolean;
  /** Stands further in than its list also when it is the last of it. */
  readonly isStep: boolean;
  /** Absent for what cannot hold anything. */
  readonly inside: Node[] | undefined;
}

class TraceTree implements Tracer {
  readonly roots: Node[] = [];
  private readonly open_: Node[][] = [this.roots];

  constructor(
    private readonly names: ReadonlyMap<number, string> | undefined,
    private readonly tun: TunTable | undefined,
  ) {}

  private add(text: string, holds: boolean, how: { isBridge?: boolean; isStep?: boolean } = {}): void {
    const inside = holds ? [] : undefined;
    const { isBridge = false, isStep = !holds } = how;
    this.open_[this.open_.length - 1].push({ text, isBridge, isStep, inside });
    if (inside) this.open_.push(inside);
  }

  bridge(view: BridgeView): void {
    this.add(`bridge("${view.name}")`, true, { isBridge: true });
  }

  table(table: number, rule: Rule | undefined): void {
    this.add(`${String(table).padStart(2)}. ${rule ? this.rule(rule) : 'No match.'}`, true);
    if (!rule) this.step('drop');
  }

  open(text: string, isStep: boolean): void {
    this.add(text, true, { isStep });
  }

  leave(): void {
    if (this.open_.length > 1) this.open_.pop();
  }

  action(a: Action): void {
    this.add(formatActions([a], this.names), false);
  }

  step(text: string, isStep = true): void {
    this.add(text, false, { isStep });
  }

  note(text: string): void {
    this.add(` ${text}`, false);
  }

  private rule(r: Rule): string {
    const match = formatMatch(expand(r.match), { portNames: this.names, tun: this.tun });
    const cookie = r.cookie === 0n ? '' : `, cookie 0x${r.cookie.toString(16)}`;
    return `${match === '' ? '' : `${match}, `}priority ${r.priority}${cookie}`;
  }

  text(): string {
    const lines: string[] = [];
    draw(this.roots, 0, lines);
    return lines.join('');
  }
}

function draw(nodes: readonly Node[], level: number, out: string[]): void {
  nodes.forEach((n, i) => {
    const more = i + 1 < nodes.length || n.isStep ? 1 : 0;
    const indent = ' '.repeat((level + more) * 4);
    if (n.isBridge) out.push(`\n${indent}${n.text}\n${indent}${'-'.repeat(n.text.length)}\n`);
    else out.push(`${indent}${n.text}\n`);
    if (n.inside) draw(n.inside, level + more * 2, out);
  });
}

/** The megaflow as a match, in OpenFlow's terms. */
function megaflow(key: Uint8Array, mask: Uint8Array, inPort: number): Match {
  const m = new Match();
  m.mask.set(mask);
  // As in OVS, a packet without a tag does not say so.
  if (get16(key, K.vlanTci.offset) === 0) m.mask.fill(0, K.vlanTci.offset, K.vlanTci.offset + 2);
  m.mask.fill(0, K.inPort.offset, K.inPort.offset + 4);
  put32(m.mask, OK.ofInPort.offset, 0xffffffff);
  m.value.set(key);
  put32(m.value, OK.ofInPort.offset, inPort);
  for (let i = 0; i < m.value.length; i++) m.value[i] &= m.mask[i];
  return m;
}

/** Names of OpenFlow ports by number, and of the datapath's. */
export interface TraceNames {
  readonly ports: ReadonlyMap<number, string>;
  readonly vports: ReadonlyMap<number, string>;
}

export interface TraceRequest {
  readonly bridge: BridgeView;
  readonly inPort: number;
  /** KEY_BYTES, the datapath's in_port included. */
  readonly key: Uint8Array;
  /** Port names instead of numbers. */
  readonly names?: TraceNames | undefined;
  /** Cookie of the rule behind a packet to controllers, by the number of its state. */
  readonly ruleCookie: (stateId: number) => bigint | undefined;
  readonly run: (tracer: Tracer) => { readonly t: Translation; readonly walk: Walk };
}

/** Headers that OVS's datapaths cannot set, so that it does it itself; here the datapath can. */
const OVS_SLOW: ReadonlySet<string> = new Set(['arp', 'icmp', 'icmpv6', 'nd_ext']);
const SLOW_TEXT =
  'This flow is handled by the userspace slow path because it:\n  - Uses action(s) not supported by datapath.\n';

function isSlow(a: DpAction): boolean {
  if (a.type === 'check_pkt_len') return [...a.greater, ...a.lessEqual].some(isSlow);
  return (a.type === 'set' && OVS_SLOW.has(a.kind)) || ('actions' in a && a.actions.some(isSlow));
}

/** As OVS has them: only a list of nothing is a drop. */
function actionsText({ names, ruleCookie }: TraceRequest, actions: readonly DpAction[]): string {
  const dropsAfter = actions.length > 1 && actions[actions.length - 1].type === 'drop';
  return formatDpActions(dropsAfter ? actions.slice(0, -1) : actions, {
    portName: (vport) => names?.vports.get(vport),
    ruleCookie,
  });
}

/** The whole text, as ofproto/trace prints it. */
export function traceText(q: TraceRequest): string {
  const tree = new TraceTree(q.names?.ports, q.bridge.tun);
  const before = newKey();
  before.set(q.key);
  put32(before, OK.ofInPort.offset, q.inPort);
  put32(before, OK.actsetOutput.offset, OFPP.unset);
  const { t, walk } = q.run(tree);
  const ctx = { portNames: q.names?.ports, tun: q.bridge.tun };
  const flow = formatKey(before, ctx);
  const final = (walk.shown ?? walk.flow).slice();
  put32(final, OK.actsetOutput.offset, OFPP.unset);
  const after = formatKey(final, ctx);
  const unchanged = formatKey(walk.shown ?? walk.flow, ctx) === flow;
  const failed = t.reason !== 0 && walk.failed ? `Translation failed (${walk.failure}), packet is dropped.\n` : '';
  const slow = failed === '' && t.actions.some(isSlow) ? SLOW_TEXT : '';
  return (
    `Flow: ${flow}\n${tree.text()}\n` +
    `Final flow: ${unchanged ? 'unchanged' : after}\n` +
    `Megaflow: ${formatMatch(megaflow(q.key, t.mask, q.inPort), ctx)}\n` +
    `Datapath actions: ${actionsText(q, t.actions)}\n${failed}${slow}`
  );
}
