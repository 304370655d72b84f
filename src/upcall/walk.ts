/**
 * The walk of one packet through the pipeline.
 *
 * State is in two keys. `flow` is the packet as the actions so far make it; `base` is the packet as the datapath would have it after the
 * actions emitted so far. `commit` (commit.ts) closes the gap when a packet leaves. Every bit that is read, by a look-up or by an action, goes
 * into `mask`: the invariant is that any packet equal under the mask makes the same walk. So reading goes through `read`, through
 * `lookup`, or is followed by a mark.
 *
 * A walk changes nothing outside itself: what should change (learned addresses and flows) is listed as effects. The parts: this file
 * has tables and lists; walk-fields.ts fields; output.ts ports; rewrite.ts headers; branch.ts what runs on a copy; freeze.ts what goes on in a later pass.
 */
import type { Action, LearnSpec } from '../action/action.js';
import type { Translator } from '../action/context.js';
import { rowOf } from '../action/rows/index.js';
import type { DropReasonName } from '../datapath/drop-reasons.js';
import { OFPP, type Subfield } from '../flow/field.js';
import { OK } from '../flow/key.js';
import type { Rule } from '../flowtable/rule.js';
import { get16, get32, put32 } from '../lib/bytes.js';
import { FRAG, K } from '../packet/key.js';
import * as set from './action-set.js';
import * as branch from './branch.js';
import { COMES_BACK, commit, isMpls } from './commit.js';
import { enterPort, fromController, missed } from './entry.js';
import { lost, needsInner, resume } from './freeze.js';
import { group } from './group.js';
import { learn } from './learn.js';
import * as output from './output.js';
import * as rewrite from './rewrite.js';
import type { TranslateInput, Translation } from './translation.js';
import { macMissKey } from './translation.js';
import { hostEnd } from './tunnel-end.js';
import type { MacEntry, NormalWalk, PortView, SideEffect, Tally } from './view.js';
import { WalkFields } from './walk-fields.js';
import * as wrap from './wrap.js';

/** OVS's limits, which controllers rely on: depth of resubmits that do not go forward, and resubmits in all. */
const MAX_DEPTH = 64;
const MAX_RESUBMITS = 4096;
const MAX_STACK = 1024;

/** A rule that look-up yields where fragments are to be dropped. */
const DROP_FRAGMENT = '-> fragments are dropped here';

export class Walk extends WalkFields implements Translator, NormalWalk {
  run(input: TranslateInput, t: Translation): void {
    this.begin(input, t);
    const { bridge, frozen } = input;
    const recircId = get32(input.key, K.recircId.offset);
    if (input.host) hostEnd(this);
    else if (frozen) resume(this, frozen);
    else if (recircId !== 0) lost(this, recircId);
    else if (input.actions) fromController(this, input.actions);
    else enterPort(this, bridge.port(input.inPort), true);
    if (!this.failed) this.finishList();
    this.finish();
  }

  // Tables and lists

  /** Looks a table up for the current flow, as if it came in by `inPort`. Notes what was used; traced as the start of a nested part. */
  lookup(table: number, inPort: number, miss: 'miss' | 'continue'): Rule | undefined {
    const { flow, t, bridge } = this;
    t.tables[table >> 5] |= 1 << (table & 31);
    this.table = table;
    const fragment = (flow[K.nwFrag.offset] & FRAG.any) !== 0 && bridge.fragmentHandling !== 3;
    let rule: Rule | undefined;
    if (fragment && bridge.fragmentHandling === 1) {
      this.note(() => DROP_FRAGMENT);
    } else {
      const ports = fragment ? flow.slice(K.tpSrc.offset, K.tpSrc.offset + 4) : undefined;
      if (ports) flow.fill(0, K.tpSrc.offset, K.tpSrc.offset + 4);
      const arrived = inPort !== this.inPort ? flow.slice(OK.ofInPort.offset, OK.ofInPort.offset + 4) : undefined;
      if (arrived) put32(flow, OK.ofInPort.offset, inPort);
      rule = bridge.tables.lookup(table, this.flowWords, this.maskWords, this.witness?.looked);
      this.witness?.took(flow);
      if (ports) flow.set(ports, K.tpSrc.offset);
      if (arrived) flow.set(arrived, OK.ofInPort.offset);
    }
    if (rule) {
      t.rules.push(rule);
      t.generations.push(rule.generation);
      t.bridges.push(bridge);
    } else {
      t.misses.push({ bridge, table });
      if (miss === 'miss') this.reason ??= 'table_miss';
    }
    this.input.tracer?.table(table, rule);
    return rule;
  }

  runRule(rule: Rule, deepens: boolean): void {
    const { rule: before, inBucket } = this;
    this.rule = rule;
    this.inBucket = false;
    this.resubmits++;
    if (deepens) this.depth++;
    this.list(rule.actions);
    if (deepens) this.depth--;
    this.inBucket = inBucket;
    this.rule = before;
  }

  /** True when one more table or group may be entered. */
  mayNest(): boolean {
    if (this.depth >= MAX_DEPTH) {
      this.note(() => `>>>> over max translation depth ${MAX_DEPTH} <<<<`);
      this.fail('translation_error', 'Recursion too deep');
    } else if (this.resubmits >= MAX_RESUBMITS) {
      this.note(() => `>>>> over ${MAX_RESUBMITS} resubmit actions <<<<`);
      this.fail('translation_error', 'Too many resubmit actions');
    } else return true;
    return false;
  }

  private enterTable(table: number, inPort: number, miss: 'miss' | 'continue'): void {
    if (!this.mayNest()) return;
    const before = this.table;
    const rule = this.lookup(table, inPort, miss);
    if (rule) this.runRule(rule, table <= before);
    else if (miss === 'miss') missed(this);
    this.table = before;
    this.input.tracer?.leave();
  }

  /** Runs a list from a place in it; stops when the walk ends, the list is ended by an action, or the rest must wait for a later pass. */
  list(actions: readonly Action[], from = 0): void {
    const { tracer } = this.input;
    const { isLast: lastOfAll, before } = this;
    this.before = undefined;
    if (from >= actions.length) tracer?.step('drop');
    for (let i = from; i < actions.length && !this.ended; i++) {
      const a = actions[i];
      if ((this.wasMpls || this.copyWasMpls) && needsInner(a)) {
        this.freezing = true;
        this.frames.push({ actions, from: i, table: this.table, rule: this.rule });
        return;
      }
      before?.(a);
      tracer?.action(a);
      this.current = actions;
      this.position = i;
      this.isLast = lastOfAll && i + 1 === actions.length && this.actionSet.length === 0;
      const row = rowOf(a);
      if (!row.precedent) this.standsAlone();
      const goesOn = row.translate(a, this) !== false;
      this.isLast = lastOfAll;
      if (this.listOver) {
        this.listOver = false;
        return;
      }
      if (this.freezing) {
        if (goesOn && i + 1 < actions.length) {
          this.frames.push({ actions, from: i + 1, table: this.table, rule: this.rule });
        }
        return;
      }
      if (!goesOn) return;
    }
  }

  /** The end of a pipeline: the action set, or the number under which the rest goes on. */
  finishList(): void {
    if (!this.freezing && !this.failed) set.run(this);
    if (this.freezing) branch.finishFreezing(this);
  }

  actionSetClear(): void {
    set.clear(this);
  }

  actionSetWrite(actions: readonly Action[]): void {
    set.write(this, actions);
  }

  resubmit(port: number, table: number): void {
    const inPort = port === OFPP.inPort || port === 0xfff8 ? this.inPort : port;
    this.enterTable(table === 255 ? this.table : table, inPort, 'continue');
  }

  gotoTable(table: number): void {
    this.enterTable(table, this.inPort, 'miss');
  }

  pipelineStart(): void {
    this.enterTable(0, this.inPort, 'miss');
  }

  get stopped(): boolean {
    return this.ended;
  }

  exit(): void {
    this.ended = true;
  }

  /** `why`: a word for traces. */
  fail(reason: DropReasonName, why = 'Unsupported packet type'): void {
    this.failure = why;
    this.ended = this.failed = true;
    this.reason = reason;
  }

  /** Something was not sent, and this is why; the last such reason is the packet's when nothing is sent at all. */
  reject(reason: DropReasonName): void {
    if (!this.failed) this.reason = reason;
  }

  effect(e: SideEffect): void {
    this.t.effects.push(e);
  }

  count(m: Tally): void {
    this.t.mirrors.push(m);
  }

  usedMac(entry: MacEntry): void {
    this.t.deps.push(entry);
  }

  missedMac(vlan: number, mac: number): void {
    this.t.deps.push(macMissKey(this.bridge, vlan, mac));
  }

  seenHere(vlan: number, mac: number): number | undefined {
    const is = (e: SideEffect) => e.kind === 'mac' && e.bridge === this.bridge && e.vlan === vlan && e.mac === mac;
    const last = this.t.effects.findLast(is);
    return last?.kind === 'mac' ? last.port : undefined;
  }

  // The stack

  stackPush(value: bigint, bits: number): void {
    if (this.stack.length >= MAX_STACK) this.fail('translation_error', 'Stack too deep');
    else this.stack.push({ value, bits });
  }

  stackPop(): bigint | undefined {
    const top = this.stack.pop();
    if (!top) this.note(() => '>>>> stack underflow <<<<');
    return top?.value;
  }

  // Ports

  /** Brings the datapath's packet up to the flow. */
  commit(): void {
    wrap.emitHeader(this);
    if (this.flowShape !== this.baseShape) {
      this.note(() => wrap.OTHER_HEADERS);
      return this.fail('translation_error', 'Headers cannot be undone');
    }
    const hadLabels = isMpls(get16(this.input.key, K.ethType.offset));
    const { flow, base, mask, out, wasMpls } = this;
    this.witness?.commits();
    if (commit(flow, base, mask, out, { innerUnknown: wasMpls, hadLabels })) this.note(() => COMES_BACK);
  }

  emit(port: PortView): void {
    output.emit(this, port);
  }

  output(port: number, maxLen: number): void {
    output.output(this, port, maxLen);
  }

  outputTrunc(port: number, maxLen: number): void {
    output.outputTrunc(this, port, maxLen);
  }

  controller(a: Extract<Action, { type: 'controller' }>): void {
    output.controller(this, a);
  }

  portIsUp(port: number): boolean {
    return output.portIsUp(this.bridge.port(port));
  }

  // Headers

  hasVlan(): boolean {
    return rewrite.hasVlan(this);
  }
  pushVlan(ethType: number): void {
    rewrite.pushVlan(this, ethType);
  }
  popVlan(): void {
    rewrite.popVlan(this);
  }
  pushMpls(ethType: number): void {
    rewrite.pushMpls(this, ethType);
  }
  popMpls(ethType: number): void {
    rewrite.popMpls(this, ethType);
  }
  decTtl(controllerIds: readonly number[]): boolean {
    return rewrite.decTtl(this, controllerIds);
  }
  decMplsTtl(): boolean {
    return rewrite.decMplsTtl(this);
  }
  encap(a: Extract<Action, { type: 'encap' }>): boolean {
    return wrap.encap(this, a);
  }
  decap(next: number | undefined): boolean {
    return wrap.decap(this, next);
  }
  decNshTtl(): boolean {
    return wrap.decNshTtl(this);
  }
  setQueue(queue: number): void {
    rewrite.setPriority(this, queue);
  }
  enqueue(port: number, queue: number): void {
    rewrite.enqueue(this, port, queue);
  }
  popQueue(): void {
    rewrite.popQueue(this);
  }

  // Copies and later passes

  clone(actions: readonly Action[]): void {
    branch.clone(this, actions);
  }
  checkPktLarger(length: number, dst: Subfield): void {
    branch.checkPktLarger(this, length, dst);
  }
  group(id: number): void {
    group(this, id);
  }
  sample(): void {
    // Without a collector nothing comes of it.
  }
  meter(id: number): void {
    const meter = this.bridge.meterId(id);
    if (meter !== undefined) this.out.push({ type: 'meter', id: meter });
  }
  finTimeout(idle: number, hard: number): void {
    if (this.rule) this.effect({ kind: 'fin_timeout', bridge: this.bridge, rule: this.rule, idle, hard });
  }
  learn(spec: LearnSpec): void {
    learn(this, spec);
  }
}
