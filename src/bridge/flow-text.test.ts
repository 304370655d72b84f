import t from 'tap';
import { flowModFromText } from './flow-text.js';

t.test('bad flows are refused with the fault named', (t) => {
  const rows: [string, RegExp][] = [
    ['tp_dst=80,actions=drop', /needs .* in the same match/],
    ['nw_dst=10.0.0.1,dl_type=0x86dd,actions=drop', /needs/],
    ['nonsense=5,actions=drop', /unknown keyword nonsense/],
    ['ip,actions=bogus:3', /unknown action bogus/],
    ['table=300,actions=drop', /unknown table "300"/],
    ['ip,nw_dst=10.0.0.256,actions=drop', /10\.0\.0\.256/],
    ['actions=output:p9', /p9/],
  ];
  for (const [text, fault] of rows) t.throws(() => flowModFromText(text, 'add', () => undefined), fault, text);
  t.equal(flowModFromText('tcp,tp_dst=80,actions=drop', 'add', () => undefined).actions.length, 0);
  t.end();
});
