/** Settings of tables that change what happens: where misses go, and the events of a table that fills and empties. */
import t from 'tap';
import { Switch } from './switch.js';

t.test('misses', async (t) => {
  for (const [miss, sent] of [
    ['controller', false],
    ['continue', true],
    ['drop', false],
  ] as const) {
    const sw = new Switch({ datapath: 'reference' });
    const br = sw.bridge('br0');
    br.addPort('p1');
    br.addPort('p2');
    br.addFlow('table=2,actions=2');
    br.bridge.tableMod(0, { miss });
    br.bridge.tableMod(1, { miss: 'continue' });
    const last = br.trace('in_port=1').trimEnd().split('\n').at(-1);
    t.equal(last, `Datapath actions: ${sent ? '3' : 'drop'}`, miss);
    sw.close();
  }
});

t.test('vacancy', async (t) => {
  const sw = new Switch({ datapath: 'reference' });
  const br = sw.bridge('br0');
  const told: string[] = [];
  br.bridge.listen({ tableStatus: (table, reason) => told.push(`${table.table} ${reason} ${table.vacancy}`) });
  br.bridge.configureTable(3, { flowLimit: 10 });
  br.bridge.tableMod(3, { vacancy: { down: 30, up: 60 } });
  for (let i = 0; i < 10; i++) br.addFlow(`table=3,in_port=${i + 1},actions=drop`);
  t.same(told, ['3 down 20'], 'once, when less than that is free');
  for (let i = 0; i < 10; i++) br.deleteFlows(`table=3,in_port=${i + 1}`);
  t.same(told, ['3 down 20', '3 up 70'], 'once, when more than that is free again');
  sw.close();
});
