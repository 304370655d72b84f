/** The native generator on a device of a host's namespace. */
import { loadAddon } from '../../src/datapath/driver/load.js';
import { GENERATOR_COUNTERS } from '../../src/datapath/native.js';

export interface Load {
  counters(): { sent: number; refused: number; done: boolean };
  stop(): void;
}

const at = (name: (typeof GENERATOR_COUNTERS)[number]) => GENERATOR_COUNTERS.indexOf(name);

/** Sends frames from e0 of a namespace, round and round: `count` of them (0: until stopped), at `rate` a second (0: as fast as they go). */
export function generate(ns: string, frames: Uint8Array[], options: { count?: number; rate?: number } = {}): Load {
  const { PacketGenerator } = loadAddon();
  const n = frames.length;
  const port = { kind: 'system', device: 'e0', netns: `/var/run/netns/${ns}` } as const;
  const { count = 0, rate = 0 } = options;
  const g = new PacketGenerator(
    port,
    null,
    frames,
    new Uint32Array(n),
    new Int32Array(n).fill(-1),
    1,
    rate,
    count,
    0,
    0,
  );
  let stopped = false;
  return {
    counters() {
      const c = g.counters();
      return { sent: c[at('sent')], refused: c[at('refused')], done: c[at('done')] !== 0 };
    },
    stop() {
      if (!stopped) g.stop();
      stopped = true;
    },
  };
}
