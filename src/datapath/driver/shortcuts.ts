import type { NativeDatapath } from '../native.js';

/** Whether the kernel repeats flows between devices by itself (native/port/shortcuts.h) while nobody says otherwise. */
const BY_DEFAULT = true;

/** Flows that the kernel repeats by itself. */
export class Shortcuts {
  private yes = BY_DEFAULT;
  private said: string | undefined;

  constructor(private readonly native: NativeDatapath) {
    this.allow(BY_DEFAULT);
  }

  get allowed(): boolean {
    return this.yes;
  }

  /** False: there are none from this call on. True: ports that were busy before have none until they are opened again. */
  allow(yes: boolean): void {
    this.yes = yes;
    this.native.allowShortcuts(yes);
  }

  /** other_config:kernel-shortcuts, "true" or "false". What a command said stays until this says something else than before. */
  set(text: string | undefined): void {
    if (text === this.said) return;
    this.said = text;
    this.allow(text === undefined ? BY_DEFAULT : text === 'true');
  }

  /** Slots of flows that have one now. */
  slots(): ReadonlySet<number> {
    return new Set(this.native.shortcuts());
  }
}
