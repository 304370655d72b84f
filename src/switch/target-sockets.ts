/** Streams to and from controllers: opening one that a target names, listening where it says. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect, createServer as tlsServer } from 'node:tls';
import { UserError } from '../lib/errors.js';
import type { Target } from '../openflow/target.js';
import { listenUnix, reason } from './of-sockets.js';
import type { Tls } from './tls.js';

/** A visitor has so long for the handshake of SSL. */
const HANDSHAKE_MS = 10_000;

export interface Dialled {
  open(stream: Duplex): void;
  failed(why: string): void;
}

/** Starts to connect; exactly one of `then`'s functions is called later, unless the returned function gives up before. */
export function dial(target: Target, tls: Tls | undefined, then: Dialled): () => void {
  let socket: Socket;
  let settled = false;
  const fail = (why: string): void => {
    if (settled) return;
    settled = true;
    socket?.destroy();
    then.failed(why);
  };
  const opened = (): void => {
    if (settled) return;
    settled = true;
    // A stream that breaks is closed, and who serves it hears that.
    socket.on('error', () => socket.destroy());
    then.open(socket);
  };
  const { host, port } = target;
  try {
    if (target.kind === 'unix') socket = connect(host).once('connect', opened);
    else if (target.kind === 'tcp') socket = connect({ host, port, noDelay: true }).once('connect', opened);
    else {
      if (!tls) throw new UserError('needs a key, a certificate and the authority of peers');
      // Certificates of controllers name no hosts: the authority alone says whom to believe.
      const s = tlsConnect({ host, port, ...tls.settings(), checkServerIdentity: () => undefined });
      s.setNoDelay(true);
      s.once('secureConnect', () => {
        const again = tls.learn(s);
        if (again === undefined) opened();
        else fail(again);
      });
      socket = s;
    }
  } catch (e) {
    // Not before this function returned.
    setImmediate(fail, reason(e));
    return () => {
      settled = true;
    };
  }
  socket.once('error', (e) => fail(reason(e)));
  socket.once('close', () => fail('connection closed by peer'));
  return () => {
    settled = true;
    socket.on('error', () => {});
    socket.destroy();
  };
}

/** Listens where a passive target says. The returned function stops it. Rejects with UserError. */
export async function listenAt(
  target: Target,
  tls: Tls | undefined,
  accept: (stream: Duplex) => void,
): Promise<() => Promise<void>> {
  const { kind, port } = target;
  if (kind === 'unix') return listenUnix(target.host, accept);
  const take = (s: Socket): void => {
    s.on('error', () => s.destroy());
    accept(s);
  };
  let server: Server;
  if (kind === 'tcp') server = createServer({ noDelay: true }, take);
  else {
    if (!tls) throw new UserError('pssl needs a key, a certificate and the authority of peers');
    server = tlsServer({ ...tls.settings(), handshakeTimeout: HANDSHAKE_MS, noDelay: true }, take);
    server.on('tlsClientError', (_e, s: Socket) => s.destroy());
  }
  // Where no address is said: all of IPv4 and none of IPv6, as in OVS.
  const host = target.host || '0.0.0.0';
  await new Promise<void>((resolve, reject) => {
    server.once('error', (e) => reject(new UserError(`cannot listen on ${host} port ${port}: ${reason(e)}`)));
    server.listen(port, host, resolve);
  });
  return () => new Promise((resolve) => server.close(() => resolve()));
}
