import t from 'tap';
import { VirtualClock } from '../lib/clock.js';
import { FailOpen } from './fail-open.js';
import { Reconnect } from './reconnect.js';

function setup() {
  const clock = new VirtualClock();
  const log: string[] = [];
  const silent = { open: () => {}, close: () => {}, probe: () => {} };
  const controllers = [new Reconnect(clock, silent), new Reconnect(clock, silent)];
  const failOpen = new FailOpen(clock, controllers, 5000, {
    enter: (ms) => log.push(`${clock.now() / 1000} enter ${ms / 1000}`),
    leave: () => log.push(`${clock.now() / 1000} leave`),
    ask: () => log.push(`${clock.now() / 1000} ask`),
  });
  const close = () => {
    failOpen.close();
    for (const c of controllers) c.close();
  };
  /** Until the controller is being connected to, and then it is. */
  const connect = (c: Reconnect) => {
    while (c.state !== 'CONNECTING') clock.advance(100);
    c.connected();
  };
  return { clock, log, controllers, failOpen, connect, close };
}

t.test('three probe intervals without any controller', async (t) => {
  const { clock, log, failOpen, close } = setup();
  clock.advance(14_999);
  t.same(log, []);
  clock.advance(1);
  t.same(log, ['15 enter 15']);
  clock.advance(20_000);
  t.equal(log.length, 1, 'nobody to ask');
  t.ok(failOpen.isActive);
  close();
});

t.test('one controller in charge is enough', async (t) => {
  const { clock, log, controllers, connect, close } = setup();
  connect(controllers[0]);
  controllers[0].admitted();
  for (let i = 0; i < 60; i++) {
    clock.advance(1000);
    controllers[0].heard();
  }
  t.same(log, []);
  close();
});

t.test('a controller that is back is asked, and in charge when it does something', async (t) => {
  const { clock, log, controllers, failOpen, connect, close } = setup();
  clock.advance(15_000);
  connect(controllers[1]);
  const at = clock.now();
  clock.advance(4500);
  t.ok(failOpen.isActive, 'connected is not enough');
  t.equal(log.filter((l) => l.endsWith('ask')).length, Math.floor(4500 / 2000) + (at % 1000 === 0 ? 0 : 1));
  controllers[1].admitted();
  failOpen.recover();
  t.notOk(failOpen.isActive);
  t.match(log[log.length - 1], /leave/);
  close();
});
