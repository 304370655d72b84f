/** What the log is told of a configuration: each sentence once, however often the configuration is applied. */
import type { Applier } from './apply.js';
import { remarks, unknownKeys } from './known.js';
import type { ConfigTables } from './tables.js';

export class Remarks {
  private readonly said = new Set<string>();
  /** Rows of which everything was said that is to be said. */
  private readonly seen = new WeakSet<object>();

  constructor(private readonly log: (text: string) => void) {}

  say(text: string): void {
    if (this.said.has(text)) return;
    this.said.add(text);
    this.log(text);
  }

  /** Looks at rows that were not looked at as they are now. */
  look(t: ConfigTables, applier: Applier): void {
    for (const root of t.root.rows.values()) this.on('Open_vSwitch', root, 'Open_vSwitch');
    for (const b of applier.bridges.values()) {
      this.on('Bridge', b.wanted.row, `bridge ${b.name}`);
      for (const p of b.wanted.ports) this.on('Port', p.row, `port ${p.row.name}`);
    }
    for (const m of applier.made.values()) {
      if (this.seen.has(m.row)) continue;
      const kind = m.spec.dummy && !m.type.startsWith('dummy') ? 'dummy' : m.type;
      for (const key of unknownKeys(kind, m.spec.options)) this.say(`interface ${m.row.name}: ${key}`);
      this.on('Interface', m.row, `interface ${m.row.name}`);
    }
    for (const c of t.controllers.rows.values()) this.on('Controller', c, `controller ${c.target}`);
  }

  private on(table: string, row: object, who: string): void {
    if (this.seen.has(row)) return;
    this.seen.add(row);
    for (const text of remarks(table, row, who)) this.say(text);
  }
}
