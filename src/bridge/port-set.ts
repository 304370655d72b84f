/** The ports of one bridge, by number and by name, and in order. */
import { OFPP } from '../flow/field.js';
import { UserError } from '../lib/errors.js';
import type { BridgePort } from './port.js';

export class PortSet {
  private readonly byNumber = new Map<number, BridgePort>();
  private readonly byName = new Map<string, BridgePort>();
  private ordered: readonly BridgePort[] | undefined;

  constructor(private readonly bridge: string) {}

  /** Throws UserError when the number or the name is taken. */
  checkFree(number: number, name: string): void {
    if (this.byNumber.has(number)) throw new UserError(`${this.bridge}: port number ${number} is in use`);
    if (this.byName.has(name)) throw new UserError(`${this.bridge}: there is a port named ${name}`);
  }

  add(port: BridgePort): void {
    this.byNumber.set(port.number, port);
    this.byName.set(port.name, port);
    this.ordered = undefined;
  }

  remove(port: BridgePort): void {
    this.byNumber.delete(port.number);
    this.byName.delete(port.name);
    this.ordered = undefined;
  }

  get(number: number): BridgePort | undefined {
    return this.byNumber.get(number);
  }

  /** Throws UserError. */
  mustHave(number: number): BridgePort {
    const port = this.byNumber.get(number);
    if (!port) throw new UserError(`${this.bridge}: there is no port ${number}`, 'OFPPMFC_BAD_PORT');
    return port;
  }

  named(name: string): BridgePort | undefined {
    return this.byName.get(name);
  }

  /** The lowest number that no port has. */
  free(): number {
    let n = 1;
    while (this.byNumber.has(n)) n++;
    return n;
  }

  /** LOCAL first, then by number: the order of floods. Put in order when asked for: a thousand ports that come at once are sorted once. */
  inOrder(): readonly BridgePort[] {
    const rank = (p: BridgePort): number => (p.number === OFPP.local ? -1 : p.number);
    this.ordered ??= [...this.byNumber.values()].sort((a, b) => rank(a) - rank(b));
    return this.ordered;
  }
}
