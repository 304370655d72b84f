/** Ports of a running ovs-vswitchd by an OpenFlow connection that stays: a process for each question takes ten times as long as the answer. */
import { PORT_CONFIG } from '../../src/upcall/view.js';
import { OfPeer } from '../support/of-peer.js';

/** OpenFlow 1.3. */
const VERSION = 4;
const LIVE = 4;

/** Ports of a bridge, by OpenFlow. `turn` waits for a turn of the main loop. */
export class PortLine {
  private constructor(
    private readonly peer: OfPeer,
    private readonly turn: () => Promise<unknown>,
  ) {}

  static async at(path: string, turn: () => Promise<unknown>): Promise<PortLine> {
    return new PortLine(await OfPeer.at(path, VERSION), turn);
  }

  private async port(number: number) {
    this.peer.got.length = 0;
    const xid = this.peer.send('port_desc_request', {});
    for (let turns = 0; turns < 1000; turns++) {
      const reply = this.peer.got.find((m) => m.xid === xid);
      const port = reply?.kind === 'port_desc_reply' ? reply.value.find((p) => p.number === number) : undefined;
      if (port) return port;
      await this.turn();
    }
    throw new Error(`ovs-vswitchd does not say what port ${number} is`);
  }

  /** Takes a port down or up, and waits until it is. */
  async set(number: number, up: boolean): Promise<void> {
    const { hwAddr } = await this.port(number);
    this.peer.send('port_mod', {
      number,
      hwAddr,
      config: up ? 0 : PORT_CONFIG.down,
      mask: PORT_CONFIG.down,
      advertise: 0,
    });
    for (let tries = 0; tries < 200; tries++) if ((((await this.port(number)).state & LIVE) !== 0) === up) return;
    throw new Error(`port ${number} does not go ${up ? 'up' : 'down'}`);
  }

  close(): void {
    this.peer.close();
  }
}
