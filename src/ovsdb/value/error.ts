/** Errors as OVSDB reports them: a name out of a small list, a sentence, and the piece of JSON that was wrong where one was. */
import { type Json, type JsonObject, sortedJson } from '../json/json.js';

export class OvsdbError extends Error {
  constructor(
    /** E.g. "constraint violation". RFC 7047 section 3.1, and ovsdb-server(7). */
    readonly tag: string,
    readonly details: string,
    /** What could not be understood. */
    readonly syntax?: Json,
    /** What the system said. */
    readonly ioError?: string,
  ) {
    super(syntax === undefined ? `${tag}: ${details}` : `${tag}: syntax "${sortedJson(syntax)}": ${details}`);
    this.name = 'OvsdbError';
  }

  toJson(): JsonObject {
    return {
      details: this.details,
      error: this.tag,
      'io-error': this.ioError,
      syntax: this.syntax === undefined ? undefined : sortedJson(this.syntax),
    };
  }
}

/** What was sent does not parse as OVSDB. */
export function syntaxError(json: Json, details: string): OvsdbError {
  return new OvsdbError('syntax error', details, json);
}
