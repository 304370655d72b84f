/** `ofproto/trace` and `ofproto/trace-packet-out`: what would become of a packet. It teaches the switch only where it has bytes, as in OVS. */

import type { Action } from '../../action/action.js';
import { checkActions } from '../../action/check.js';
import { parseActions } from '../../action/list.js';
import type { Bridge } from '../../bridge/bridge.js';
import { actionContext } from '../../bridge/flow-text.js';
import { parseDpKey } from '../../datapath/text/flow.js';
import { newKey, OK } from '../../flow/key.js';
import { Match } from '../../flow/match.js';
import { parseExactFlow } from '../../flow/parse-exact.js';
import { get16, get32, put16, put32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { ETH_TYPE_NONE, extract } from '../../packet/extract.js';
import { K } from '../../packet/key.js';
import type { FrozenState } from '../../upcall/frozen.js';
import type { Core } from '../core.js';
import { DATAPATH_NAME } from '../datapath-text.js';
import { syntaxError } from './dpctl/flows.js';
import { readTraceWords, type TraceWords } from './trace-request.js';

interface Subject {
  readonly bridge: Bridge;
  readonly inPort: number;
  readonly key: Uint8Array;
  /** Where the packet goes on that the datapath sends again. */
  readonly frozen?: FrozenState | undefined;
}

/** The text of a trace of a packet described as an OpenFlow flow. Throws UserError. */
export function traceOf(core: Core, bridge: Bridge, flow: string): string {
  return core.upcalls.trace(ofOpenFlow(core, bridge, flow));
}

function ofOpenFlow(core: Core, bridge: Bridge, flow: string): Subject {
  const key = parseExactFlow(flow, { ports: (name) => bridge.portByName(name)?.number, tun: bridge.tun });
  const inPort = get32(key, OK.ofInPort.offset);
  put32(key, K.inPort.offset, bridge.port(inPort)?.vport ?? 0);
  const recircId = get32(key, K.recircId.offset);
  return { bridge, inPort, key, frozen: recircId === 0 ? undefined : core.upcalls.states.get(recircId) };
}

/** Words for the one datapath there is: its type, with "ovs-" in front or not. */
function isDatapath(name: string): boolean {
  const [type] = DATAPATH_NAME.split('@');
  return ['system', 'dummy', type].includes(name.replace(/^ovs-/, ''));
}

/** What the words speak of. Throws UserError. */
function subjectOf(core: Core, { words }: TraceWords): Subject {
  const text = words[words.length - 1];
  const isKnown = words.length === 1 || isDatapath(words[0]);
  const ports = isKnown ? core.dpPorts() : [];
  const read = (part: string): Uint8Array => {
    const { value, mask } = parseDpKey(part, { portNumber: (name) => ports.find((p) => p.name === name)?.vport });
    const says = (slot: { readonly offset: number }) => get16(mask, slot.offset) !== 0;
    // A packet that says no type has none.
    if (!says(K.ethType) && !says(K.vlanTpid)) put16(value, K.ethType.offset, ETH_TYPE_NONE);
    return value;
  };
  let parsed: Uint8Array;
  try {
    parsed = read(text);
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    if (words.length === 1) throw new UserError(`${syntaxError(text, read)} (or the bridge name was omitted)`);
    const bridge = core.bridges.get(words[0]);
    if (!bridge) throw new UserError(`${words[0]}: unknown bridge`);
    try {
      return ofOpenFlow(core, bridge, text);
    } catch (e) {
      throw e instanceof UserError ? new UserError(`Bad openflow flow syntax: ${e.message}`) : e;
    }
  }
  if (!isKnown) throw new UserError('Cannot find the datapath');
  return ofDatapath(core, parsed);
}

function ofDatapath(core: Core, parsed: Uint8Array): Subject {
  const key = newKey();
  key.set(parsed);
  const vport = get32(key, K.inPort.offset);
  const at = core.attachedTo(vport);
  if (!at) throw new UserError(`no OpenFlow port for datapath port ${vport}`);
  const recircId = get32(key, K.recircId.offset);
  const frozen = recircId === 0 ? undefined : core.upcalls.states.get(recircId);
  if (recircId !== 0 && !frozen) throw new UserError(`no recirculation data for recirc_id 0x${recircId.toString(16)}`);
  put32(key, OK.ofInPort.offset, at.port.number);
  return { bridge: at.bridge, inPort: at.port.number, key, frozen };
}

/** Of a packet, what its bytes do not say. */
const METADATA = [K.inPort, K.pktMark, K.skbPriority, K.recircId, OK.ofInPort];

function withFrame(s: Subject, frame: Uint8Array): Subject {
  const key = newKey();
  for (const { offset, bytes } of METADATA) key.set(s.key.subarray(offset, offset + bytes), offset);
  if (!extract(frame, key, s.bridge.maxVlans)) throw new UserError('Packet data too short for Ethernet');
  return { ...s, key };
}

function trace(core: Core, words: TraceWords, actions?: (s: Subject) => readonly Action[]): string {
  const described = subjectOf(core, words);
  const { frame, generate, names } = words;
  const subject = frame ? withFrame(described, frame) : described;
  const list = actions?.(subject);
  const ofNames = new Map([...subject.bridge.ports()].map((p) => [p.number, p.name]));
  return core.upcalls.trace(
    {
      ...subject,
      // No actions at all are a look-up in the tables, as in OVS.
      ...(list && list.length > 0 ? { actions: list } : {}),
      ...(frame || generate ? { learns: true } : {}),
    },
    names ? { ports: ofNames, vports: new Map(core.dpPorts().map((p) => [p.vport, p.name])) } : undefined,
  );
}

/** `ofproto/trace [options] {[dpname] odp_flow | bridge br_flow} [packet]` */
export function traceCommand(core: Core, args: readonly string[]): string {
  return trace(core, readTraceWords(args, false));
}

/** `ofproto/trace-packet-out [options] {[dpname] odp_flow | bridge br_flow} [packet] actions` */
export function tracePacketOutCommand(core: Core, args: readonly string[]): string {
  // Read before anything else, so their faults go first; no bridge is known whose ports could have names.
  const actions = parseActions(
    args[args.length - 1],
    actionContext(() => undefined),
    false,
  );
  const words = readTraceWords(args.slice(0, -1), true);
  return trace(core, words, ({ bridge, key }) => {
    try {
      return checkActions(actions, exactly(key), {
        version: words.consistent ? 4 : 1,
        groupExists: (id) => bridge.groups.get(id) !== undefined,
        meterExists: (id) => bridge.meters.get(id) !== undefined,
      });
    } catch (e) {
      throw e instanceof UserError ? new UserError(`Bad actions: ${e.ofError ?? e.message}`) : e;
    }
  });
}

/** A match on what actions may stand on. */
function exactly(key: Uint8Array): Match {
  const m = new Match();
  for (const s of [K.packetType, K.ethType, K.nwProto, K.nwFrag, K.vlanTci, K.tpSrc, K.tpDst]) {
    m.mask.fill(0xff, s.offset, s.offset + s.bytes);
  }
  if (get16(key, K.ethType.offset) === 0x894f) m.mask.fill(0xff, K.nshFlags.offset, K.nshC4.offset + 4);
  for (let i = 0; i < key.length; i++) m.value[i] = key[i] & m.mask[i];
  return m;
}
