import { Duplex } from 'node:stream';
import t from 'tap';
import { VirtualClock } from '../lib/clock.js';
import { Reconnect } from './reconnect.js';

/** Promises settle. */
const settle = () => new Promise((r) => setImmediate(r));

class Wire extends Duplex {
  override _read(): void {}
  override _write(_c: unknown, _e: string, done: () => void): void {
    done();
  }
}

function setup(answers: (() => Duplex | Error)[]) {
  const clock = new VirtualClock();
  const log: string[] = [];
  let asked = 0;
  const r = new Reconnect(clock, {
    open: async () => {
      const next = (answers.shift() ?? (() => new Error('refused')))();
      if (next instanceof Error) throw next;
      return next;
    },
    connected: () => ({
      probe: () => {
        asked++;
      },
    }),
    changed: (state) => log.push(`${clock.now()} ${state}`),
  });
  return { clock, log, r, asked: () => asked };
}

t.test('tries again after 1, 2, 4, 8, 8 seconds', async (t) => {
  const { clock, log, r } = setup([]);
  for (let s = 0; s < 25; s++) {
    await settle();
    clock.advance(s === 0 ? 0 : 1000);
  }
  await settle();
  const tries = log.filter((l) => l.endsWith('CONNECTING')).map((l) => Number(l.split(' ')[0]));
  t.same(tries, [0, 1000, 3000, 7000, 15000, 23000]);
  r.close();
});

t.test('a silent peer is asked, an answer keeps it, silence ends it', async (t) => {
  const wire = new Wire();
  const { clock, log, r, asked } = setup([() => wire]);
  clock.advance(0);
  await settle();
  t.equal(r.state, 'ACTIVE');
  clock.advance(5000);
  t.equal(r.state, 'IDLE');
  t.equal(asked(), 1);
  clock.advance(1000);
  wire.push(Buffer.from('x'));
  await settle();
  t.equal(r.state, 'ACTIVE');
  clock.advance(5000);
  t.equal(asked(), 2);
  clock.advance(5000);
  await settle();
  t.ok(wire.destroyed, 'let go of');
  t.equal(r.state, 'BACKOFF');
  t.ok(log.length > 4);
  r.close();
  clock.advance(60000);
  t.equal(r.state, 'BACKOFF', 'closed: no more tries');
});
