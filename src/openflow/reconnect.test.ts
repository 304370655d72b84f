import t from 'tap';
import { VirtualClock } from '../lib/clock.js';
import { Reconnect, type ReconnectOptions } from './reconnect.js';

/** Seconds and what happened: a state, or what the owner was told to do. */
function setup(options: Partial<ReconnectOptions> = {}) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const note = (what: string) => () => void log.push(`${clock.now() / 1000} ${what}`);
  const r = new Reconnect(
    clock,
    { open: note('open'), close: note('close'), probe: note('probe'), changed: (s) => note(s)() },
    { maxBackoffMs: 8000, probeMs: 5000, reliable: true, ...options },
  );
  return { clock, log, r };
}

const opened = (log: readonly string[]) => log.filter((l) => l.endsWith('open')).map((l) => Number(l.split(' ')[0]));

t.test('tries again after 1, 2, 4, 8, 8 seconds', async (t) => {
  const { clock, log, r } = setup();
  for (let i = 0; i < 250; i++) {
    clock.advance(i === 0 ? 0 : 100);
    if (r.state === 'CONNECTING') r.failed('refused');
  }
  t.same(opened(log), [0, 1, 3, 7, 15, 23]);
  t.equal(r.attempts, 6);
  t.equal(r.lastError, 'refused');
  r.close();
});

t.test('a try that takes as long as the wait before it, at least a second, is given up', async (t) => {
  const { clock, log, r } = setup();
  clock.advance(0);
  clock.advance(20_000);
  t.same(
    log.filter((l) => /open|close/.test(l)),
    ['0 open', '1 close', '2 open', '3 close', '5 open', '7 close', '11 open', '15 close'],
  );
  t.equal(r.lastError, 'connection timed out');
  r.close();
});

t.test('a connection that lasted begins again at one second, one that did not goes on', async (t) => {
  const { clock, log, r } = setup();
  const fail = () => {
    clock.advance(0);
    if (r.state === 'CONNECTING') r.failed('refused');
  };
  fail();
  clock.advance(1000);
  fail();
  clock.advance(2000);
  r.connected();
  clock.advance(100);
  r.failed('closed');
  t.equal(r.state, 'BACKOFF');
  clock.advance(4000);
  t.same(opened(log), [0, 1, 3, 7.1], 'too soon: four seconds');
  r.connected();
  clock.advance(4500);
  r.failed('closed');
  clock.advance(1000);
  t.same(opened(log), [0, 1, 3, 7.1, 12.6], 'it lasted: one second');
  r.close();
});

t.test('a silent peer is asked, an answer keeps it, silence ends it', async (t) => {
  const { clock, log, r } = setup();
  clock.advance(0);
  r.connected();
  clock.advance(3000);
  r.heard();
  clock.advance(4999);
  t.equal(r.state, 'ACTIVE');
  clock.advance(1);
  t.equal(r.state, 'IDLE');
  clock.advance(1000);
  r.heard();
  t.equal(r.state, 'ACTIVE');
  clock.advance(5000);
  t.equal(r.state, 'IDLE');
  clock.advance(5000);
  t.equal(r.state, 'BACKOFF');
  t.equal(r.lastError, 'no response to inactivity probe');
  t.same(
    log.filter((l) => /probe|close/.test(l)),
    ['8 probe', '14 probe', '19 close'],
  );
  r.close();
  clock.advance(60_000);
  t.equal(r.state, 'VOID', 'closed: no more tries');
});

t.test('without probes a silent peer stays', async (t) => {
  const { clock, r } = setup({ probeMs: 0 });
  clock.advance(0);
  r.connected();
  clock.advance(1e6);
  t.equal(r.state, 'ACTIVE');
  r.close();
});

t.test('who came to us and goes is gone; who never greets is sent away', async (t) => {
  const a = setup({ reliable: false });
  t.equal(a.r.state, 'CONNECTING');
  a.r.connected();
  a.r.failed('closed');
  t.equal(a.r.state, 'VOID');
  a.clock.advance(1e6);
  t.same(opened(a.log), []);
  const b = setup({ reliable: false });
  b.clock.advance(9999);
  t.equal(b.r.state, 'CONNECTING');
  b.clock.advance(1);
  t.equal(b.r.state, 'VOID');
  t.ok(b.log.includes('10 close'));
});

t.test(
  'time without a controller in charge: a connection alone does not end it, a flow or half a minute does',
  async (t) => {
    const { clock, r } = setup({ probeMs: 0 });
    clock.advance(4000);
    t.equal(r.failureMs, 4000);
    r.failed('refused');
    clock.advance(8000);
    r.connected();
    t.equal(r.failureMs, clock.now());
    r.admitted();
    t.equal(r.failureMs, 0);
    clock.advance(10_000);
    t.equal(r.failureMs, 0);
    r.failed('closed');
    clock.advance(1000);
    t.equal(r.failureMs, 1000);
    clock.advance(0);
    r.connected();
    clock.advance(29_000);
    t.equal(r.failureMs, 30_000);
    clock.advance(1000);
    t.equal(r.failureMs, 0, 'half a minute');
    r.close();
  },
);
