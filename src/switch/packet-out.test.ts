/** Packets that a controller sends with registers and metadata of their own, as OpenFlow 1.5 can. */
import t from 'tap';
import { parseMatch } from '../flow/parse-match.js';
import { parseHex } from '../lib/bytes.js';
import { Switch } from './switch.js';

const FRAME = parseHex(`${'ff'.repeat(6)}02000000000188b5${'00'.repeat(46)}`);

t.test('registers and metadata', async (t) => {
  for (const [fields, received] of [
    ['in_port_oxm=1,reg1=7', 1],
    ['in_port_oxm=1,reg1=8', 0],
    ['in_port_oxm=1,metadata=5', 1],
    ['in_port_oxm=77,reg1=7', 1],
  ] as const) {
    const sw = new Switch({ datapath: 'reference' });
    const br = sw.bridge('br0');
    br.addPort('p1');
    const p2 = br.addPort('p2');
    br.addFlows('reg1=7,actions=2\nmetadata=5,actions=2');
    const { value } = parseMatch(fields);
    const inPort = fields.includes('77') ? 77 : 1;
    br.bridge.packetOut(FRAME, inPort, [{ type: 'output', port: 0xfffffff9, maxLen: 0 }], value);
    sw.run();
    t.equal(p2.received().length, received, fields);
    sw.close();
  }
});
