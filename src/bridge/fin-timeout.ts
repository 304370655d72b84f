/** What fin_timeout does: a connection that ends leaves its rule less time. */
import type { Rule } from '../flowtable/rule.js';
import type { FlowTables } from '../flowtable/tables.js';

const TCP = { fin: 1, rst: 4 } as const;

export interface FinTimeout {
  readonly rule: Rule;
  /** Seconds; 0: as it is. */
  readonly idle: number;
  readonly hard: number;
}

/** `tcpFlags`: of the packets that the rule forwarded. */
export function shorten(tables: FlowTables, { rule, idle, hard }: FinTimeout, tcpFlags: number): void {
  if (!(tcpFlags & (TCP.fin | TCP.rst))) return;
  tables.setTimeouts(rule, least(rule.idleTimeout, idle), least(rule.hardTimeout, hard));
}

/** The lesser of two timeouts, of which 0 is none. */
function least(a: number, b: number): number {
  if (a === 0 || b === 0) return a || b;
  return Math.min(a, b);
}
