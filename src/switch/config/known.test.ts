import { readFileSync } from 'node:fs';
import t from 'tap';
import { VSWITCH_SCHEMA } from '../../ovsdb/schema/vswitch.js';
import { hint, remarks, unknownKeys, WORDS } from './known.js';
import { configTables } from './tables.js';

t.test('docs/compatibility.md lists what has no effect', (t) => {
  const text = readFileSync(new URL('../../../../docs/compatibility.md', import.meta.url), 'utf8');
  for (const [table, { later, maps }] of Object.entries(WORDS)) {
    const row = text.split('\n').find((line) => line.startsWith(`| ${table} |`)) ?? '';
    const words = [...later, ...Object.values(maps).flatMap((m) => m.later)];
    if (words.length === 0) continue;
    for (const word of words) t.ok(row.includes(`\`${word}\``), `${table}: ${word}`);
  }
  t.end();
});

t.test('every column is in the schema, and every one that is told of is read', (t) => {
  for (const { name, table } of Object.values(configTables())) {
    const schema = VSWITCH_SCHEMA.tables.get(name);
    for (const column of Object.keys(table.columns)) t.ok(schema?.column(column), `${name}.${column}`);
    const { later = [], maps = {} } = WORDS[name] ?? {};
    for (const column of [...later, ...Object.keys(maps)]) t.ok(column in table.columns, `${name}.${column} is read`);
  }
  t.end();
});

t.test('remarks', (t) => {
  const row = (config: Record<string, string>, more: object = {}) => ({
    other_config: new Map(Object.entries(config)),
    ...more,
  });
  const rows: [table: string, row: object, remarks: string[]][] = [
    ['Bridge', row({ hwaddr: '00:00:00:00:00:01' }), []],
    ['Bridge', row({ 'stp-priority': '1' }), ['x: other_config:stp-priority has no effect yet']],
    ['Bridge', row({ hwadr: '1' }), ['x: other_config:hwadr is unknown; did you mean hwaddr?']],
    ['Bridge', row({ zzzzzzzz: '1' }), ['x: other_config:zzzzzzzz is unknown']],
    ['Bridge', row({}, { stp_enable: true }), ['x: stp_enable has no effect yet']],
    ['Bridge', row({}, { stp_enable: false, netflow: undefined }), []],
    ['Interface', row({}, { ingress_policing_rate: 0, bfd: new Map() }), []],
    ['Interface', row({}, { ingress_policing_rate: 5 }), ['x: ingress_policing_rate has no effect yet']],
  ];
  for (const [table, r, want] of rows) t.same(remarks(table, r, 'x'), want, JSON.stringify(want));
  t.same(unknownKeys('patch', { peer: 'a', peeer: 'b' }), [
    'options:peeer is unknown to type patch; did you mean peer?',
  ]);
  t.same(unknownKeys('nosuch', { a: 'b' }), []);
  t.equal(hint('abc', ['xyz']), '');
  t.end();
});
