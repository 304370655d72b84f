/**
 * Additions that are read now and made later, in order: what a bundle holds. The rules are there already; what they match lies packed in large arrays, for
 * an object each would outlive several collections only to be thrown away when a table takes the rule. So one costs little more than its rule.
 */
import type { MiniMatch } from '../flow/match.js';
import { type FlowMod, TABLE_ALL } from './flow-mod.js';
import { type ShapedMatch, ShapePool } from './mini.js';
import { TableRule } from './table-rule.js';

/** Words of the first block and of the others. */
const FIRST_WORDS = 1 << 12;
const BLOCK_WORDS = 1 << 18;

/** What goes into a table: a rule that has not begun, and its match. */
export interface PreparedFlow {
  readonly rule: TableRule;
  readonly match: MiniMatch;
}

export class PreparedFlows {
  private readonly shapes = new ShapePool();
  private readonly rules: TableRule[] = [];
  private readonly shapeOf: ShapedMatch[] = [];
  private readonly blocks: Uint32Array[] = [];
  /** Words of the last block that are in use. */
  private used = 0;
  /** The next to be taken: which it is, and where its words are. */
  private next = 0;
  private block = 0;
  private at = 0;

  /** An addition; it is free again afterwards. */
  push(mod: FlowMod): void {
    const match = this.shapes.minify(mod.match, true);
    const { value } = match;
    let block = this.blocks.at(-1);
    if (!block || this.used + value.length > block.length) {
      block = new Uint32Array(block ? BLOCK_WORDS : FIRST_WORDS);
      this.blocks.push(block);
      this.used = 0;
    }
    // Not by `set`, which costs more than so few words.
    for (let i = 0; i < value.length; i++) block[this.used + i] = value[i];
    this.used += value.length;
    this.rules.push(new TableRule(mod.table === TABLE_ALL ? 0 : mod.table, mod));
    this.shapeOf.push(match);
  }

  /** The next, each once. Its match is good until one more is taken. Call no more often than `push`. */
  take(): PreparedFlow {
    const match = this.shapeOf[this.next];
    const { value } = match;
    // As they were put in: what had no room is in the next block.
    if (this.at + value.length > this.blocks[this.block].length) {
      this.block++;
      this.at = 0;
    }
    const block = this.blocks[this.block];
    for (let i = 0; i < value.length; i++) value[i] = block[this.at + i];
    this.at += value.length;
    return { rule: this.rules[this.next++], match };
  }
}
