import { readFileSync } from 'node:fs';
import t from 'tap';
import { actionsPage } from './docs.js';
import { ALL_ROWS, ROWS, rowOfKeyword } from './rows/index.js';

t.test('the registry, the rows and the page agree', (t) => {
  for (const [type, row] of Object.entries(ROWS)) {
    t.equal(row.type, type, `${type}: the row knows its type`);
    t.ok(row.doc.endsWith('.') && row.syntax.length > 0, `${type}: is described`);
    for (const k of row.keywords) t.equal(rowOfKeyword(k.toUpperCase()), row, `${k} starts ${type}`);
  }
  const keywords = ALL_ROWS.flatMap((row) => row.keywords);
  t.equal(new Set(keywords).size, keywords.length, 'no keyword starts two actions');
  const page = new URL('../../../docs/actions.md', import.meta.url);
  t.equal(readFileSync(page, 'utf8'), actionsPage(), 'docs/actions.md; else: npm run generate');
  t.end();
});

t.test('what has no place in an action set is no instruction, and the reverse', (t) => {
  for (const row of ALL_ROWS) t.notOk(row.instruction && row.set, row.type);
  t.end();
});
