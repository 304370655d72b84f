import t from 'tap';
import { Coverage } from './coverage.js';

t.test('rates are of the last samples', (t) => {
  let packets = 0;
  const c = new Coverage(0, () => [
    ['packets', packets],
    ['never', 0],
  ]);
  c.count('beat');
  packets = 50;
  c.look(4999);
  t.match(c.text(), /^packets +0\.0\/sec +0\.000\/sec +0\.0000\/sec +total: 50$/m, 'no sample yet');
  c.look(5000);
  t.match(c.text(), /^packets +10\.0\/sec +0\.833\/sec +0\.0139\/sec +total: 50$/m);
  for (let i = 2; i <= 13; i++) c.look(i * 5000);
  t.match(c.text(), /^packets +0\.0\/sec +0\.000\/sec +0\.0139\/sec +total: 50$/m, 'a minute later');
  for (let i = 14; i <= 722; i++) c.look(i * 5000);
  t.match(c.text(), /^packets +0\.0\/sec +0\.000\/sec +0\.0000\/sec +total: 50$/m, 'an hour later');
  t.match(c.text(), /^beat .* total: 1$/m);
  t.match(c.text(), /\n1 events never hit\n$/);
  t.equal(c.total('packets'), 50);
  t.equal(c.total('beat'), 1);
  t.equal(c.total('zz'), undefined);
  t.end();
});
