/**
 * A wire between two dummy ports, in one program or in two: a stream on which each frame follows its length, two bytes in network order. One end
 * listens (`pstream`, any number of visitors, each frame to all), the other connects and, when the connection is lost, connects again (`stream`).
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.js';
import { Reconnect } from '../../openflow/reconnect.js';
import { parseTarget } from '../../openflow/target.js';
import { ETH_HEADER } from '../../packet/extract.js';
import { dial, listenAt } from '../target-sockets.js';

/** Bytes for who does not read; what comes beyond is lost, as on a wire. */
const MAX_WAITING = 4 << 20;
const MAX_FRAME = 0xffff;
const RECONNECT = { maxBackoffMs: 8000, probeMs: 0, reliable: true };

export interface WireOptions {
  readonly clock: Clock;
  /** A frame came; the view is the receiver's to keep. */
  readonly receive: (frame: Uint8Array) => void;
  readonly log: (text: string) => void;
}

export interface Wire {
  /** True when the frame is on its way to somebody. */
  send(frame: Uint8Array): boolean;
  /** Undefined for an end that listens. */
  readonly isConnected: boolean | undefined;
  close(): void;
}

/** Frames out of a stream as they become whole. Ends a stream that says what cannot be a frame. */
function read(stream: Duplex, receive: (frame: Uint8Array) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 2) {
      const length = rest.readUInt16BE(at);
      if (length < ETH_HEADER) {
        stream.destroy();
        return;
      }
      if (rest.length - at - 2 < length) break;
      receive(Uint8Array.from(rest.subarray(at + 2, at + 2 + length)));
      at += 2 + length;
    }
    rest = rest.subarray(at);
  });
}

function write(stream: Duplex, frame: Uint8Array): boolean {
  if (stream.destroyed || frame.length > MAX_FRAME || stream.writableLength > MAX_WAITING) return false;
  const out = Buffer.allocUnsafe(2 + frame.length);
  out.writeUInt16BE(frame.length);
  out.set(frame, 2);
  stream.write(out);
  return true;
}

/** Listens. What is wrong with the target, or with the place, is told in the log. Throws UserError for what is no target. */
export function listeningWire(text: string, o: WireOptions): Wire {
  const target = parseTarget(text);
  const visitors = new Set<Duplex>();
  let isClosed = false;
  let stop: (() => Promise<void>) | undefined;
  listenAt(target, undefined, (s) => {
    visitors.add(s);
    s.on('close', () => visitors.delete(s));
    read(s, o.receive);
  }).then(
    (close) => {
      if (isClosed) void close();
      else stop = close;
    },
    (e: Error) => o.log(e.message),
  );
  return {
    isConnected: undefined,
    send(frame) {
      let any = false;
      for (const v of visitors) if (write(v, frame)) any = true;
      return any;
    },
    close() {
      isClosed = true;
      for (const v of visitors) v.destroy();
      void stop?.();
    },
  };
}

/** Connects, and again when that ends. Throws UserError for what is no target. */
export function connectingWire(text: string, o: WireOptions): Wire {
  const target = parseTarget(text);
  let stream: Duplex | undefined;
  let giveUp: () => void = () => {};
  const watch: Reconnect = new Reconnect(
    o.clock,
    {
      open() {
        giveUp = dial(target, undefined, {
          open(s) {
            stream = s;
            s.on('close', () => {
              if (stream !== s) return;
              stream = undefined;
              watch.failed('connection closed by peer');
            });
            read(s, o.receive);
            watch.connected();
          },
          failed: (why) => watch.failed(why),
        });
      },
      close() {
        giveUp();
        const old = stream;
        stream = undefined;
        old?.destroy();
      },
      probe() {},
    },
    RECONNECT,
  );
  return {
    get isConnected() {
      return watch.isConnected;
    },
    send: (frame) => stream !== undefined && write(stream, frame),
    close: () => watch.close(),
  };
}
