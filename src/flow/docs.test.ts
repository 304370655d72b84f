import { readFileSync } from 'node:fs';
import t from 'tap';
import { fieldsPage } from './docs.js';

t.test('docs/fields.md is what the rows say', (t) => {
  t.equal(
    readFileSync(new URL('../../../docs/fields.md', import.meta.url), 'utf8'),
    fieldsPage(),
    'else: npm run generate',
  );
  t.end();
});
