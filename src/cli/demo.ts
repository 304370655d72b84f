import { runInUserNamespace } from './demo/unprivileged.js';
import { labRefusal } from './lab/netlab.js';
import { needPrograms } from './lab/packages.js';

const USAGE = `usage: weft demo
Two switches, four hosts in two VLANs, a pipeline of four tables; real pings and TCP through it; what the switch made of them.
Needs root, or a kernel that allows unprivileged user namespaces. Leaves nothing behind. Exit status 0 when all of it worked.
`;

export async function main(args: readonly string[], program: string): Promise<number> {
  if (args.length > 0) {
    process.stdout.write(USAGE);
    return args[0] === '--help' || args[0] === '-h' ? 0 : 1;
  }
  const inside = runInUserNamespace();
  if (typeof inside === 'number') return inside;
  const refusal = inside ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping' }) ?? labRefusal();
  if (refusal !== undefined) {
    process.stderr.write(`${program}: ${refusal}\n`);
    return 1;
  }
  const { show } = await import('./demo/show.js');
  return show();
}
