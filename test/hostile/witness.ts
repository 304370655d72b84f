/**
 * The good client: it inserts rows and reads them back all the time, and checks every reply; a second connection of it hears of all of them. Whatever others do meanwhile, it must not
 * notice more than a delay. What it was told is done must be there for ever.
 */
import { isArray, isObject, type Json } from '../../src/ovsdb/json/json.js';
import { Client } from '../ovsdb/peers.js';

const DB = 'Open_vSwitch';

const NEW_TYPE = /"new":\{"type":"([^"]{1,40})"/g;

export class Witness {
  /** Rows whose insertion was acknowledged. */
  readonly acknowledged = new Set<number>();
  /** What the server refused, and why. */
  readonly refused: Json[] = [];
  readonly faults: string[] = [];
  worstMs = 0;
  private next = 0;
  private running = false;
  private done: Promise<void> = Promise.resolve();

  /** `prefix`: of its rows, for several may be at work. `patienceMs`: a reply that comes later than that is a fault. */
  constructor(
    private readonly prefix: string,
    private readonly patienceMs: number,
  ) {}

  async start(socket: string): Promise<void> {
    const client = await Client.open(socket);
    const ear = await Client.open(socket);
    const columns = [{ columns: ['type'], select: { initial: false } }];
    ear.send(JSON.stringify({ method: 'monitor', id: 'm', params: [DB, 'w', { QoS: columns }] }));
    await ear.sync();
    this.running = true;
    this.done = this.work(client, ear);
  }

  private async work(client: Client, ear: Client): Promise<void> {
    const heard = new Set<string>();
    const listen = (): void => {
      for (const m of ear.messages()) for (const [, name] of JSON.stringify(m).matchAll(NEW_TYPE)) heard.add(name);
    };
    while (this.running && this.faults.length === 0) {
      const n = this.next++;
      const began = performance.now();
      const reply = await this.ask(client, [
        { op: 'insert', table: 'QoS', row: { type: this.name(n), external_ids: ['map', [['n', String(n)]]] } },
        { op: 'select', table: 'QoS', where: [['type', '==', this.name(n)]], columns: ['external_ids'] },
      ]);
      this.worstMs = Math.max(this.worstMs, performance.now() - began);
      if (reply === undefined) break;
      const fault = reply.find((r) => isObject(r) && r.error !== undefined);
      if (fault !== undefined) this.refused.push(fault);
      else if (JSON.stringify(reply[1]) === `{"rows":[{"external_ids":["map",[["n","${n}"]]]}]}`) {
        this.acknowledged.add(n);
      } else this.faults.push(`a reply that is none: ${JSON.stringify(reply)}`);
      listen();
      // Others want the processor, too.
      await new Promise((r) => setTimeout(r, 5));
    }
    if (this.faults.length === 0) {
      // What happened is told before a reply, but not before an echo.
      ear.send(JSON.stringify({ method: 'list_dbs', id: 1, params: [] }));
      await ear.sync();
      listen();
      for (const n of this.acknowledged) if (!heard.has(this.name(n))) this.faults.push(`no update told of row ${n}`);
    }
    client.close();
    ear.close();
  }

  private async ask(client: Client, operations: readonly Json[]): Promise<readonly Json[] | undefined> {
    client.send(JSON.stringify({ method: 'transact', id: 1, params: [DB, ...operations] }));
    const late = new Promise<'late'>((r) => setTimeout(() => r('late'), this.patienceMs).unref());
    if ((await Promise.race([client.sync(), late])) === 'late') {
      this.faults.push(`no reply within ${this.patienceMs} ms`);
      return undefined;
    }
    if (client.isClosed) {
      if (this.running) this.faults.push('the connection was closed');
      return undefined;
    }
    const [m] = client.messages();
    if (isObject(m) && isArray(m.result)) return m.result;
    this.faults.push(`no reply: ${JSON.stringify(m)}`);
    return undefined;
  }

  private name(n: number): string {
    return `${this.prefix}${n}.`;
  }

  /** Resolves when it has heard the last reply. */
  async stop(): Promise<void> {
    this.running = false;
    await this.done;
  }

  /** The server is about to be killed: what is under way may be lost. */
  expectEnd(): void {
    this.running = false;
  }

  /** Numbers of acknowledged rows that are not there. */
  async lost(socket: string): Promise<number[]> {
    const client = await Client.open(socket);
    const reply = await this.ask(client, [{ op: 'select', table: 'QoS', where: [], columns: ['type'] }]);
    client.close();
    const text = JSON.stringify(reply);
    return [...this.acknowledged].filter((n) => !text.includes(`"${this.name(n)}"`));
  }
}
