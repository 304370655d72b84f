/** dpctl/normalize-actions: what actions do to a packet, told apart by the tags and labels that it has when they come to it. */
import type { DpAction } from '../../../datapath/action.js';
import { formatDpActions, parseDpActions } from '../../../datapath/text/actions.js';
import { formatDpKey, parseDpKey } from '../../../datapath/text/flow.js';
import { group, isGroup, splitCall, splitItems } from '../../../datapath/text/members.js';
import { formatLse, formatTci } from '../../../datapath/text/special.js';
import { get16, get32 } from '../../../lib/bytes.js';
import { UserError } from '../../../lib/errors.js';
import { K } from '../../../packet/key.js';
import type { Core } from '../../core.js';
import type { DpctlCommand } from './reply.js';

interface State {
  /** 0: untagged. */
  tci: number;
  /** Undefined: no label. */
  lse: number | undefined;
}

/** A flow's text, with every member of the headers that it speaks of. */
function whole(text: string, value: Uint8Array, mask: Uint8Array): string {
  const fill = (part: string): void => {
    for (const item of splitItems(part)) {
      const { name, args } = splitCall(item);
      if (name === 'encap' && args !== undefined) fill(args);
      if (!isGroup(name)) continue;
      for (const { slot } of group(name)) mask.fill(0xff, slot.offset, slot.offset + slot.bytes);
    }
  };
  fill(text);
  return formatDpKey(value, mask) || '<empty>';
}

function stateText({ tci, lse }: State): string {
  const vlan = tci === 0 ? 'no vlan: ' : `vlan(${formatTci(tci, 0xffff)}): `;
  return `${vlan}${lse === undefined ? 'no mpls: ' : `mpls(${formatLse(lse)}): `}`;
}

/** Follows a tag or a label. False: the action is none of these. */
function follow(s: State, a: DpAction): boolean {
  if (a.type === 'push_vlan') s.tci = a.tci | 0x1000;
  else if (a.type === 'pop_vlan') s.tci = 0;
  else if (a.type === 'push_mpls') s.lse = a.lse;
  else if (a.type === 'pop_mpls') s.lse = undefined;
  else return false;
  return true;
}

/** Outputs that follow each other come by their numbers. */
function ordered(actions: readonly DpAction[]): DpAction[] {
  const out = [...actions];
  for (let from = 0; from < out.length; from++) {
    let to = from;
    while (out[to]?.type === 'output') to++;
    const run = out.slice(from, to).sort((a, b) => (a.type === 'output' && b.type === 'output' ? a.port - b.port : 0));
    out.splice(from, run.length, ...run);
    from = Math.max(from, to - 1);
  }
  return out;
}

export function normalizeCommand(core: Core): DpctlCommand {
  return {
    name: 'normalize-actions',
    usage: 'actions',
    min: 2,
    max: Number.POSITIVE_INFINITY,
    run([flow, text, ...ports], _o, reply) {
      const numbers = new Map<string, number>();
      for (const p of ports) {
        const m = /^([^=]+)=(\d+)$/.exec(p);
        if (!m) return reply.fail(`${p}: expected NAME=NUMBER`);
        numbers.set(m[1], Number(m[2]));
      }
      const ctx = {
        portNumber: (name: string) => numbers.get(name) ?? core.dpPorts().find((p) => p.name === name)?.vport,
      };
      const attempt = <T>(what: string, run: () => T): T => {
        try {
          return run();
        } catch (e) {
          if (e instanceof UserError) return reply.fail(what, 'invalid');
          throw e;
        }
      };
      const { value, mask } = attempt(`odp_flow_key_from_string (syntax error at ${flow})`, () =>
        parseDpKey(flow, ctx),
      );
      reply.line(`input flow: ${whole(flow, value, mask)}`);
      const actions = attempt('odp_actions_from_string', () => parseDpActions(text, ctx));
      const hasLabel = get32(mask, K.mplsLse0.offset) !== 0;
      const state: State = {
        tci: get16(value, K.vlanTci.offset),
        lse: hasLabel ? get32(value, K.mplsLse0.offset) : undefined,
      };
      const parts = new Map<string, DpAction[]>();
      for (const a of actions) {
        if (follow(state, a)) continue;
        const at = stateText(state);
        const of = parts.get(at) ?? [];
        parts.set(at, of);
        of.push(a);
      }
      if (parts.size === 0) parts.set(stateText(state), []);
      const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
      reply.line(sorted.map(([at, list]) => `${at}${formatDpActions(ordered(list))}`).join(''));
    },
  };
}
