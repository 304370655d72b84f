/**
 * Errors come in three kinds. A malformed packet is a counted drop reason and never thrown. A bad request is a
 * `UserError` (text shown after the program's name, exit status 1) or, where it came over OpenFlow, an error with its
 * type and code (src/openflow). A fault of our own is an `assert`.
 */
export class UserError extends Error {
  constructor(
    message: string,
    /** OpenFlow error where the fault has one: the name of a row in src/openflow/errors.ts, e.g. "OFPBAC_BAD_OUT_PORT". */
    readonly ofError?: string,
  ) {
    super(message);
    this.name = 'UserError';
  }
}

/** Fails when our own reasoning is wrong. Never used for input. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`weft bug: ${what}`);
}

/** Closes an exhausted union: a new member that is not handled fails to compile. */
export function unreachable(value: never): never {
  throw new Error(`weft bug: unhandled ${JSON.stringify(value)}`);
}
