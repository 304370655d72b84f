/**
 * What a bench is made of. A *row* is one figure: how it is measured, and what it should be beside a peer's. A *side* is a switch that is measured: ours, or a
 * peer. A *group* is rows whose sides are opened once: starting a switch takes longer than most figures.
 *
 * Ratios are always ours divided by the peer's, of the same round: both are measured in turn, so that what else runs on the machine meets both.
 */

/** Our own side, in every group. */
export const OURS = 'weft';

/** How long and how thoroughly. */
export interface Turn {
  /** Length of a measurement that has a length. */
  readonly seconds: number;
  /** For a look, not for the record: smaller sizes where a row has sizes. */
  readonly quick: boolean;
}

/** A side that cannot be measured here; the message says what it needs. */
export class Missing extends Error {}

export interface Side<S> {
  readonly name: string;
  /** Throws Missing when this machine cannot. */
  open(turn: Turn): Promise<S>;
}

export interface Session {
  close(): void | Promise<void>;
  /** Another side has its turn (true), or this one has again: what would run without traffic, too, is stopped meanwhile. */
  pause?(on: boolean): void | Promise<void>;
}

/** A row's place in a plot over a number: its line is named for the side, or for `line`. */
export interface Point {
  readonly plot: string;
  readonly axis: string;
  readonly x: number;
  readonly line?: string;
}

export interface RowFacts {
  readonly name: string;
  /** What is measured, in words. */
  readonly what: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** By peer: the ratio that is at least (`higher`) or at most (`lower`) wanted; undefined shows the peer without a target. */
  readonly targets: Readonly<Record<string, number | undefined>>;
  /** What our figure itself is to reach, or not to exceed. */
  readonly goal?: number;
  readonly point?: Point;
  /** The figure does not vary: one round is enough. */
  readonly exact?: boolean;
}

export interface Row<S> extends RowFacts {
  measure(session: S, turn: Turn): number | Promise<number>;
}

/** A group whose sessions' type is nobody's business. */
export interface Group {
  readonly name: string;
  readonly what: string;
  readonly rows: readonly RowFacts[];
  readonly sides: readonly string[];
  open(side: string, turn: Turn): Promise<OpenSide>;
}

export interface OpenSide {
  measure(row: string, turn: Turn): Promise<number>;
  pause(on: boolean): Promise<void>;
  close(): Promise<void>;
}

export function group<S extends Session>(g: {
  readonly name: string;
  readonly what: string;
  readonly sides: readonly Side<S>[];
  readonly rows: readonly Row<S>[];
}): Group {
  return {
    name: g.name,
    what: g.what,
    rows: g.rows,
    sides: g.sides.map((s) => s.name),
    async open(name, turn) {
      const side = g.sides.find((s) => s.name === name);
      if (!side) throw new Error(`group ${g.name} has no side ${name}`);
      const session = await side.open(turn);
      return {
        async measure(rowName, t) {
          const row = g.rows.find((r) => r.name === rowName);
          if (!row) throw new Error(`group ${g.name} has no row ${rowName}`);
          return row.measure(session, t);
        },
        async pause(on) {
          await session.pause?.(on);
        },
        async close() {
          await session.close();
        },
      };
    },
  };
}
