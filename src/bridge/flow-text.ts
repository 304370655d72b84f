/** Flows of a bridge as text: what ovs-ofctl takes and prints. */
import type { ParseCtx } from '../action/context.js';
import { formatActions, parseActions } from '../action/list.js';
import { formatMatch } from '../flow/format-match.js';
import { expand } from '../flow/match.js';
import { requirePrereqs } from '../flow/normalize.js';
import { ANY_TABLE, type FlowCommand, parseFlow, parseTable } from '../flow/parse-flow.js';
import { parseOfPort } from '../flow/port-text.js';
import type { Usable } from '../flow/protocols.js';
import { NO_TUN_OPTIONS } from '../flow/tun-table.js';
import { withOptions } from '../flowtable/actions.js';
import { type FlowMod, TABLE_ALL } from '../flowtable/flow-mod.js';
import { FLOW_FLAG, type Rule } from '../flowtable/rule.js';
import { UserError } from '../lib/errors.js';

export type PortNames = (name: string) => number | undefined;

/** Port and table names of actions' text. */
export function actionContext(ports: PortNames, usable?: Usable): ParseCtx {
  return {
    usable,
    port(text) {
      const port = parseOfPort(text, ports);
      if (port === undefined) throw new UserError(`${text} is not a valid OpenFlow port`);
      return port;
    },
    table: (text) => parseTable(text),
  };
}

/** "table=1,ip,nw_dst=10.0.0.2,actions=output:2" as a flow_mod. Throws UserError in ovs-ofctl's words. */
export function flowModFromText(
  text: string,
  command: FlowMod['command'],
  ports: PortNames,
  tun = NO_TUN_OPTIONS,
): FlowMod {
  const f = parseFlow(text, command satisfies FlowCommand, { ports, tun });
  requirePrereqs(f.match);
  const adds = command === 'add';
  return {
    command,
    table: f.table === ANY_TABLE ? (adds ? 0 : TABLE_ALL) : f.table,
    priority: f.priority,
    match: f.match,
    cookie: f.cookie ?? 0n,
    cookieFilter: f.cookieFilter,
    cookieMask: f.cookieMask,
    modifyCookie: f.cookie !== undefined,
    idleTimeout: f.idleTimeout,
    hardTimeout: f.hardTimeout,
    flags: f.flags,
    importance: f.importance,
    outPort: f.outPort,
    outGroup: f.outGroup,
    actions: f.actionsText === undefined ? [] : withOptions(parseActions(f.actionsText, actionContext(ports)), tun),
  };
}

const FLAG_WORDS: readonly (readonly [number, string])[] = [
  [FLOW_FLAG.sendFlowRem, 'send_flow_rem'],
  [FLOW_FLAG.checkOverlap, 'check_overlap'],
  [FLOW_FLAG.resetCounts, 'reset_counts'],
  [FLOW_FLAG.noPktCounts, 'no_packet_counts'],
  [FLOW_FLAG.noBytCounts, 'no_byte_counts'],
];

/** Seconds with as many decimals as say something, at most three. */
function seconds(ms: number): string {
  return `${Math.max(0, Math.floor(ms) / 1000)}s`;
}

/** A line of `ovs-ofctl dump-flows`, without the newline. `now` is in milliseconds of the switch's clock. */
export function formatRule(r: Rule, now: number, names?: ReadonlyMap<number, string>, tun = NO_TUN_OPTIONS): string {
  const parts = [
    ` cookie=0x${r.cookie.toString(16)}`,
    `duration=${seconds(now - r.created)}`,
    `table=${r.table}`,
    `n_packets=${r.packets}`,
    `n_bytes=${r.bytes}`,
  ];
  if (r.idleTimeout) parts.push(`idle_timeout=${r.idleTimeout}`);
  if (r.hardTimeout) parts.push(`hard_timeout=${r.hardTimeout}`);
  if (r.importance) parts.push(`importance=${r.importance}`);
  const flags = FLAG_WORDS.filter(([bit]) => r.flags & bit).map(([, word]) => word);
  parts.push([...flags, formatMatch(expand(r.match), { priority: r.priority, tun })].join(' ').trimStart());
  return `${parts.filter(Boolean).join(', ')} actions=${formatActions(r.actions, names)}`;
}
