/** What is left to do of a packet that comes back from the datapath, and that it is done: a packet goes through both switches, and its next pass is traced. */
import { formatHex } from '../../src/lib/bytes.js';
import type { Random } from '../../src/lib/random.js';
import { endsOvs } from '../ovs/beyond.js';
import { arrivals } from '../ovs/frames.js';
import type { Judge } from '../ovs/judge.js';
import { answer, ask } from './ask.js';
import type { Candidate } from './candidate.js';
import { dpFlow } from './questions.js';

/** Does a packet of this trace come back as an Ethernet frame? Of others a flow of the datapath says more. */
export function comesBack(normalised: string): boolean {
  return /recirc\(#1\)/.test(normalised) && !normalised.includes('packet_type=');
}

const PASS = /recirc\((0x[0-9a-f]+)\)/;
const passOf = (text: string): number => Number(PASS.exec(text)?.[1] ?? 0);
/** Turns of its main loop after which OVS has dealt with a packet. */
const TURNS = 20;

export interface LaterPass {
  readonly question: string;
  readonly ovs: string;
  readonly weft: string;
}

/** Undefined where the packet that is made up for the next pass cannot be described, or would end OVS. */
export async function laterPass(
  judge: Judge,
  candidate: Candidate,
  r: Random,
  { port, frame }: { readonly port: number; readonly frame: Uint8Array },
): Promise<LaterPass | undefined> {
  const first = { command: 'ofproto/trace', args: ['br0', `in_port=${port}`, formatHex(frame)] } as const;
  const [other] = arrivals(r, 1);
  const next = (pass: number) => ({ command: 'ofproto/trace', args: [dpFlow(port, other.frame, pass) ?? ''] }) as const;
  const ours = passOf(answer(candidate, first));
  const state = candidate.core.upcalls.states.get(ours);
  if (!state || endsOvs(state) || next(ours).args[0] === '') return undefined;
  // Numbers live as long as flows that mention them, in OVS.
  await judge.receiveTrain([{ port, frame, changes: [] }]);
  candidate.receive(port, frame);
  let theirs = '';
  let ovs = '';
  for (let turns = 0; turns < TURNS; turns++) {
    const pass = passOf(await ask(judge, first));
    if (pass === 0) return undefined;
    [theirs] = next(pass).args;
    ovs = await ask(judge, next(pass));
    if (!ovs.startsWith('error: no recirculation data')) break;
  }
  return { question: `${first.args.join(' ')}, then ${theirs}`, ovs, weft: answer(candidate, next(ours)) };
}
