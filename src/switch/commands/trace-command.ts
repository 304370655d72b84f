/** `ofproto/trace`: a packet described as a flow, or as its bytes, sent through the tables. What it teaches is learned only where it has bytes. */
import type { Bridge } from '../../bridge/bridge.js';
import { newKey, OK } from '../../flow/key.js';
import { parseExactFlow } from '../../flow/parse-exact.js';
import { get32, parseHex, put32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { extract } from '../../packet/extract.js';
import { K } from '../../packet/key.js';
import type { Core } from '../core.js';

/** The text of a trace. `frame`: the packet's bytes, of which the key is then made; `packet` gives what is not in them. Throws UserError. */
export function traceOf(core: Core, bridge: Bridge, packet: string, frame?: Uint8Array): string {
  const said = parseExactFlow(packet, { ports: (name) => bridge.portByName(name)?.number, tun: bridge.tun });
  const key = frame ? keyOf(frame, said, bridge.maxVlans) : said;
  const inPort = get32(said, OK.ofInPort.offset);
  put32(key, K.inPort.offset, bridge.port(inPort)?.vport ?? 0);
  return core.upcalls.trace({ bridge, inPort, key, ...(frame ? { learns: true } : {}) });
}

/** Of a packet, what its bytes do not say. */
const METADATA = [K.pktMark, K.skbPriority, K.recircId];

function keyOf(frame: Uint8Array, metadata: Uint8Array, maxVlans: number): Uint8Array {
  const key = newKey();
  for (const s of METADATA) key.set(metadata.subarray(s.offset, s.offset + s.bytes), s.offset);
  if (!extract(frame, key, maxVlans)) throw new UserError('Packet data too short for Ethernet');
  return key;
}

/** `ofproto/trace BRIDGE FLOW [-generate | PACKET]`; PACKET in hex digits. -generate is taken and means nothing here. */
export function traceCommand(core: Core, args: readonly string[]): string {
  const words = args.filter((a) => a !== '-generate' && a !== '--generate');
  const bridge = core.bridges.get(words[0]);
  if (!bridge) throw new UserError(`${words[0]}: unknown bridge`);
  if (words.length < 2) throw new UserError('a flow is missing');
  let frame: Uint8Array | undefined;
  if (words.length > 2) {
    try {
      frame = parseHex(words[2].replace(/[\s:.]/g, ''));
    } catch {
      throw new UserError('Trailing garbage in packet data');
    }
  }
  try {
    return traceOf(core, bridge, words[1], frame);
  } catch (e) {
    throw e instanceof UserError ? new UserError(`Bad openflow flow syntax: ${e.message}`) : e;
  }
}
