import t from 'tap';
import { crash } from './crash.js';

t.test('killed at random moments: nothing acknowledged is lost, nothing is there in part', async (t) => {
  const { fault, acknowledged } = await crash(10, 1);
  t.equal(fault, undefined);
  t.ok(acknowledged > 50, `${acknowledged} acknowledged`);
});
