/** Asks a running switch over its control socket: what `weft dpctl` and `weft appctl` do. */
import type { Duplex } from 'node:stream';
import { UserError } from '../lib/errors.js';
import { JsonStream } from '../ovsdb/json/json-stream.js';

const MAX_REPLY = 512 << 20;

/** One command. Resolves to its text; rejects with UserError when the switch says no or hangs up. The stream is ended. */
export function callControl(stream: Duplex, method: string, params: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const json = new JsonStream(MAX_REPLY);
    const fail = (why: string) => reject(new UserError(why));
    stream.on('error', (e) => fail(e.message));
    stream.on('close', () => fail('the switch closed the connection'));
    stream.on('data', (chunk: Uint8Array) => {
      try {
        for (const v of json.push(chunk)) {
          stream.removeAllListeners('close');
          stream.end();
          if (typeof v === 'object' && v !== null && 'result' in v && typeof v.result === 'string')
            return resolve(v.result);
          const error = typeof v === 'object' && v !== null && 'error' in v ? v.error : undefined;
          return fail(typeof error === 'string' ? error.trimEnd() : 'the switch gave a reply that is none');
        }
      } catch (e) {
        fail(e instanceof Error ? e.message : String(e));
        stream.destroy();
      }
      return undefined;
    });
    stream.write(JSON.stringify({ id: 0, method, params }));
  });
}
