/** What a tunnel must carry between this namespace and another: pings of all sizes, and bytes by TCP, both ways. */
import { type NetLab, until } from '../../src/cli/lab/netlab.js';
import { CARRY, send, serve } from './carry.js';

const SOON = 15_000;
/** Of the devices inside, so that with any header around it a packet fits the wire. */
export const INNER_MTU = 1400;
/** Payloads of ping: small, the longest that goes in one piece, and in three. */
const SIZES = [56, INNER_MTU - 28, 4000];
const TRANSFER = 3_000_000;

export class Traffic {
  private constructor(
    private readonly lab: NetLab,
    private readonly ns: string,
    readonly close: () => void,
  ) {}

  /** Answers TCP in both namespaces, until `close`. */
  static async between(lab: NetLab, ns: string): Promise<Traffic> {
    const server = await serve();
    const { child } = lab.startAsync('ip', ['netns', 'exec', ns, process.execPath, CARRY, 'serve']);
    let said = '';
    child.stdout?.on('data', (d) => {
      said += d;
    });
    if (!(await until(() => said.includes('ready'), SOON))) throw new Error('no server in the other namespace');
    return new Traffic(lab, ns, () => {
      server.close();
      child.kill();
    });
  }

  private ping(from: string, to: string, size: number, patience = '1'): boolean {
    const words = [...(from ? ['ip', 'netns', 'exec', from] : []), 'ping', '-c1', '-W', patience, '-s', `${size}`, to];
    return this.lab.run(words[0], words.slice(1), true).status === 0;
  }

  /** There is a way within a time. */
  hasWay(there: string): Promise<boolean> {
    return until(() => this.ping('', there, SIZES[0], '0.1'), SOON);
  }

  /** What does not pass. */
  async faults(here: string, there: string): Promise<string[]> {
    const out: string[] = [];
    for (const size of SIZES) {
      if (!this.ping('', there, size)) out.push(`${size} bytes there`);
      if (!this.ping(this.ns, here, size)) out.push(`${size} bytes back`);
    }
    const to = await send(there, TRANSFER);
    if (to !== 'same') out.push(`TCP there: ${to}`);
    const back = await this.lab.insideAsync(this.ns, process.execPath, CARRY, 'send', here, `${TRANSFER}`);
    if (back.stdout !== 'same') out.push(`TCP back: ${back.stdout}${back.stderr}`);
    return out;
  }
}
