import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse, report, USAGE } from './forward.js';

const here = (name: string) => fileURLToPath(new URL(`../../../../bench/peers/${name}`, import.meta.url));

t.test('options', (t) => {
  const flows = here('flows-few-masks.txt');
  t.equal(parse(['--help']), undefined);
  t.match(parse(['--frames', flows, '--flows', flows, '--no-microflow', '--seconds', '0.5']), {
    flows: [/^priority=10,udp/, /^priority=9/],
    microflow: false,
    seconds: 0.5,
    json: false,
  });
  t.equal(parse(['--frames', flows, '--dp-flows', 'simple'])?.flows, 'simple');
  for (const [args, why] of [
    [[], /--frames is missing/],
    [['--frames', '/nowhere', '--dp-flows', 'simple'], /no such file/],
    [['--frames', flows], /--flows is missing/],
    [['--frames', flows, '--flows', flows, '--seconds', '0'], /--seconds/],
    [['--frames', flows, '--flows', flows, '--turns', '0'], /--turns/],
    [['--what'], /what/],
  ] as const) {
    t.throws(() => parse(args), { name: 'UserError', message: why });
  }
  t.match(USAGE, /--no-microflow/);
  t.end();
});

t.test('what people read', (t) => {
  const f = {
    mpps: 40.256,
    mpps_processor: 41.5,
    cycles_per_packet: 64.58,
    microflow_hits: 7,
    megaflow_hits: 5,
    upcalls: 2,
  };
  t.equal(report({ all: f, one: { ...f, mpps: 20.128 } }), 'all 40.26 Mpps, one 20.13: 2.000 times\n');
  t.equal(
    report(f),
    '40.26 Mpps, 64.6 cycles a packet; 41.50 Mpps of processor time\nmicroflow hits 7, megaflow hits 5, upcalls 2\n',
  );
  t.end();
});
