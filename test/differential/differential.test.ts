import t from 'tap';
import { runWorld } from './world.js';

const WORLDS = 10;
const PACKETS = 2000;

t.test('reference and native datapath do the same', (t) => {
  for (let seed = 1; seed <= WORLDS; seed++) {
    const { packets, flows, difference } = runWorld(seed, PACKETS);
    t.equal(difference, undefined, `world ${seed}: ${packets} packets, ${flows} flows`);
    t.ok(flows > 10, `world ${seed}: flows were installed`);
  }
  t.end();
});
