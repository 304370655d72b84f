/** How the switch is asked to end, and when who asked hears of it. */

export class Ending {
  private ask: (cleanup: boolean) => void = () => {};
  /** Resolves when the exit command came; true: internal ports go, too, before it is answered. */
  readonly asked = new Promise<boolean>((resolve) => {
    this.ask = resolve;
  });
  /** Lets the command be answered: what was to go is gone. */
  done: () => void = () => {};

  /** The exit command. Resolves when it may be answered. */
  async exit(cleanup: boolean): Promise<void> {
    this.ask(cleanup);
    if (!cleanup) return;
    await new Promise<void>((resolve) => {
      this.done = resolve;
    });
  }
}
