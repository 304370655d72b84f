import { Duplex } from 'node:stream';
import t from 'tap';
import { Budget } from './budget.js';
import { RawJson } from './json.js';
import { asMessage, JsonRpcConnection, type JsonRpcMessage } from './json-rpc.js';

t.test('what a message says', (t) => {
  const rows: [string, ReturnType<typeof asMessage>][] = [
    ['{"method":"m","params":[1],"id":2}', { kind: 'request', method: 'm', params: [1], id: 2 }],
    ['{"method":"m","params":[1],"id":null}', { kind: 'notification', method: 'm', params: [1] }],
    ['{"method":"m","params":null,"id":"x"}', 'request must have "params"'],
    ['{"result":{},"error":null,"id":2}', { kind: 'reply', result: {}, id: 2 }],
    ['{"result":null,"error":"e","id":2}', { kind: 'error', error: 'e', id: 2 }],
    ['[]', 'message is not a JSON object'],
    ['{"method":1}', 'method is not JSON string'],
    ['{"method":"m","params":{}}', '"params" must be JSON array'],
    ['{"method":"m","params":[],"result":1}', 'notification must not have "result"'],
    ['{"id":null,"result":3}', 'reply must have "id"'],
    ['{"method":"m","params":[],"foo":1}', 'message has unexpected member "foo"'],
  ];
  for (const [text, want] of rows) t.same(asMessage(JSON.parse(text)), want, text);
  t.end();
});

/** A stream that keeps what is written to it. */
function sink(): { stream: Duplex; written: string[] } {
  const written: string[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk, _, done) {
      written.push(String(chunk));
      done();
    },
  });
  return { stream, written };
}

function connect(limit: number, held?: Budget) {
  const { stream, written } = sink();
  const got: JsonRpcMessage[] = [];
  const ends: (string | undefined)[] = [];
  const handler = { message: (m: JsonRpcMessage) => void got.push(m), closed: (why?: string) => void ends.push(why) };
  const rpc = new JsonRpcConnection(stream, handler, { message: limit, held });
  return { stream, written, got, ends, rpc };
}
const turn = () => new Promise((r) => setImmediate(r));

t.test('echo is answered, requests are handed on, garbage ends the connection', async (t) => {
  const { stream, written, got, ends, rpc } = connect(1000);
  stream.push('{"method":"echo","params":["a"],"id":"e"}{"method":"x","params":[],"id":1}');
  await turn();
  t.same(
    written.map((w) => JSON.parse(w)),
    [{ id: 'e', result: ['a'], error: null }],
  );
  t.same(got, [{ kind: 'request', method: 'x', params: [], id: 1 }]);
  stream.push('{"method":"x","params":[],"id":2}}');
  await turn();
  t.same(ends, ['error parsing stream: a bracket closes that was not opened']);
  t.ok(rpc.closed);
});

t.test('what is unfinished is bounded over all connections: who has most is given up', async (t) => {
  const held = new Budget(250);
  const small = connect(1000, held);
  const large = connect(1000, held);
  small.stream.push(`["${'x'.repeat(48)}`);
  await turn();
  large.stream.push(`["${'x'.repeat(178)}`);
  await turn();
  t.same([small.ends, large.ends], [[], []]);
  const third = connect(1000, held);
  third.stream.push(`["${'x'.repeat(98)}`);
  await turn();
  t.same([small.ends, third.ends], [[], []]);
  t.match(large.ends[0], /holds 180 bytes, the most of more than 250/);
  third.stream.push('x'.repeat(120));
  await turn();
  t.match(third.ends[0], /an unfinished message, the longest of too many/, 'by its own doing');
  small.stream.push('"]');
  await turn();
  t.match(small.ends[0], /not a JSON object/, 'whole, and freed');
  const again = connect(1000, held);
  again.stream.push(`["${'x'.repeat(198)}`);
  await turn();
  t.same(again.ends, [], 'there is room again');
  again.stream.push(null);
  await turn();
  t.same(again.ends, ['connection ended within a message']);
});

t.test('a message that no string holds ends the connection', async (t) => {
  const { rpc, ends } = connect(1000);
  rpc.reply(1, new RawJson('x'.repeat(2 ** 29 - 30)));
  t.same(ends, ['a message for it is too long to be sent']);
});
