/**
 * The datapaths that dpctl knows: that of the switch, and those that somebody made beside it. The latter belong to no bridge, so no packet ever comes
 * through them: they are names and ports, to be listed and taken away again. Devices they have none.
 */

import type { Core } from '../../core.js';
import { dummyVport } from '../../dummy/test-bed.js';
import { type Errno, isDatapath } from './reply.js';

export interface ListedPort {
  readonly number: number;
  readonly name: string;
  readonly type: string;
}

export interface DpFace {
  /** "TYPE@NAME". */
  readonly name: string;
  ports(): readonly ListedPort[];
  /** One that nothing speaks against. */
  add(port: ListedPort): void;
  /** False: it stays. */
  remove(number: number): boolean;
}

/** The datapath's own port has this number. */
const LOCAL = 0;

/** Carries nothing. */
class Spare implements DpFace {
  private readonly list = new Map<number, ListedPort>();

  constructor(readonly name: string) {}

  ports(): ListedPort[] {
    return [...this.list.values()].sort((a, b) => a.number - b.number);
  }

  add(port: ListedPort): void {
    this.list.set(port.number, port);
  }

  remove(number: number): boolean {
    return this.list.delete(number);
  }
}

const typeOf = (name: string): string => (name.includes('@') ? name.slice(0, name.indexOf('@')) : '') || 'system';
const shortName = (name: string): string => name.slice(name.indexOf('@') + 1);
const fullName = (name: string): string => `${typeOf(name)}@${shortName(name)}`;

export class Datapaths {
  private readonly spares = new Map<string, Spare>();
  private readonly main: DpFace;

  constructor(private readonly core: Core) {
    this.main = {
      get name() {
        return core.datapathName;
      },
      ports: () => core.dpPorts().map(({ vport, name }) => ({ number: vport, name, type: core.typeOf(name) })),
      // A port that the database does not want is taken away in the next moment.
      add: () => {},
      // And one that it wants stays.
      remove: () => false,
    };
  }

  private get types(): readonly string[] {
    return this.core.hasDummies ? ['dummy', 'netdev', 'system'] : ['netdev', 'system'];
  }

  /** That of the switch first, where there is a bridge: it comes with the first one. */
  names(): string[] {
    const main = this.core.bridges.size > 0 ? [this.main.name] : [];
    return [...main, ...[...this.spares.keys()].sort()];
  }

  isMain(name: string): boolean {
    return isDatapath(name) || name === this.main.name;
  }

  find(name: string): DpFace | undefined {
    if (this.isMain(name)) return this.core.bridges.size > 0 ? this.main : undefined;
    return this.spares.get(fullName(name));
  }

  /** Why there is none of this name. */
  error(name: string): Errno {
    if (!this.types.includes(typeOf(name))) return 'noFamily';
    // One of that name is there, of another type.
    return this.names().some((n) => shortName(n) === shortName(name)) ? 'invalid' : 'noDevice';
  }

  /** Makes one; the answer is why not. */
  make(name: string): Errno | undefined {
    if (this.isMain(name) || this.find(name)) return 'exist';
    const errno = this.error(name);
    if (errno !== 'noDevice') return errno;
    // There is no kernel's.
    if (typeOf(name) === 'system' && !this.core.hasDummies) return 'notSupported';
    const spare = new Spare(fullName(name));
    spare.add({ number: LOCAL, name: shortName(name), type: this.core.hasDummies ? 'dummy-internal' : 'tap' });
    this.spares.set(spare.name, spare);
    return undefined;
  }

  /** That of the switch is there again at once. */
  remove(name: string): void {
    this.spares.delete(fullName(name));
  }

  /** A device of this name that is open, wherever. */
  open(name: string): ListedPort | undefined {
    for (const face of [this.main, ...this.spares.values()]) {
      const port = face.ports().find((p) => p.name === name);
      if (port) return port;
    }
    return undefined;
  }

  /** The number that a port gets where none is asked for: with dummies that in its name, else the lowest that is free. */
  freeNumber(face: DpFace, name: string): number {
    const taken = new Set(face.ports().map((p) => p.number));
    const wished = this.core.hasDummies ? dummyVport(name) : 0;
    if (wished > 0 && !taken.has(wished)) return wished;
    let number = LOCAL + 1;
    while (taken.has(number)) number++;
    return number;
  }
}
