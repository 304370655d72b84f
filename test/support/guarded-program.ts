/** For hygiene.test.ts: starts one of each kind of program, says which processes they are, and waits to be killed. */
import { NetLab } from '../../src/cli/lab/netlab.js';
import { LiveSwitch } from './live.js';
import { RealOvs } from './ovs.js';

const sw = new LiveSwitch(['--bridge', 'wfg0=wfg1', '--port', 'wfg1:type=null']);
const ready = await sw.ready();
const asleep = new NetLab('wfg').startAsync('sleep', ['1000']).child;
const ovs = process.argv.includes('--ovs') ? new RealOvs() : undefined;
ovs?.addBridge('br0', 1);
const pids = [sw.pid, asleep.pid ?? 0, ...(ovs?.pids ?? [])];
process.stdout.write(`${JSON.stringify({ ready, pids, said: sw.output })}\n`);
