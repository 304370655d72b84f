import { Duplex } from 'node:stream';
import t from 'tap';
import { UserError } from '../lib/errors.js';
import { callControl } from './client.js';
import { ControlServer } from './unixctl.js';

/** Two ends of a wire. */
function pair(): [Duplex, Duplex] {
  const make = (other: () => Duplex) =>
    new Duplex({
      read() {},
      write(chunk, _, done) {
        other().push(chunk);
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const a: Duplex = make(() => b);
  const b: Duplex = make(() => a);
  return [a, b];
}

function server(): ControlServer {
  const s = new ControlServer();
  s.register({ name: 'echo', usage: '[WORD...]', min: 1, max: 2, run: (args) => args.join(' ') });
  s.register({
    name: 'fail',
    usage: '',
    min: 0,
    max: 0,
    run: () => {
      throw new UserError('no such bridge');
    },
  });
  return s;
}

t.test('commands and refusals', async (t) => {
  const rows: [string, string[], string | RegExp][] = [
    ['echo', ['a', 'b c'], 'a b c\n'],
    ['echo', [], /"echo" command requires at least 1 arguments/],
    ['echo', ['1', '2', '3'], /"echo" command takes at most 2 arguments/],
    ['nope', [], /"nope" is not a valid command \(use "list-commands" to see a list of valid commands\)/],
    ['fail', [], /no such bridge/],
  ];
  for (const [method, params, want] of rows) {
    const [near, far] = pair();
    server().accept(far);
    const got = callControl(near, method, params);
    if (typeof want === 'string') t.equal(await got, want);
    else await t.rejects(got, want);
  }
  const [near, far] = pair();
  server().accept(far);
  t.match(await callControl(near, 'list-commands', []), /^The available commands are:\n {2}echo {20}\[WORD...\]\n/);
});

t.test('garbage ends that client only', async (t) => {
  const s = server();
  const [near, far] = pair();
  s.accept(far);
  near.write('this is not JSON');
  await new Promise((r) => far.once('close', r));
  t.ok(far.destroyed);
  const [near2, far2] = pair();
  s.accept(far2);
  t.equal(await callControl(near2, 'echo', ['still']), 'still\n');
});
