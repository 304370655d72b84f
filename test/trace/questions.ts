/** What is asked of a trace: all forms in which a packet can be described, with the options that change what is said of it. */
import { formatDpKey } from '../../src/datapath/text/flow.js';
import { formatKey } from '../../src/flow/format-key.js';
import { newKey, OK } from '../../src/flow/key.js';
import { formatHex, get16, get32, put32 } from '../../src/lib/bytes.js';
import type { Random } from '../../src/lib/random.js';
import { extract } from '../../src/packet/extract.js';
import { DP_KEY_BYTES, K, VLAN_CFI } from '../../src/packet/key.js';
import type { Pipeline } from '../pipelines/random-pipeline.js';
import { describable } from './megaflow.js';

export interface Question {
  readonly command: 'ofproto/trace' | 'ofproto/trace-packet-out';
  readonly args: readonly string[];
}

/** Of packets: neither where they came from nor what was found out of them. */
const HEADERS = Object.values(K).filter(
  (s) => !/^(in_port|recirc_id|dp_hash|pkt_mark|skb_priority|lines|tun_|ct_)/.test(s.name),
);

function everyHeader(): Uint8Array {
  const mask = new Uint8Array(DP_KEY_BYTES);
  for (const { offset, bytes } of HEADERS) mask.fill(0xff, offset, offset + bytes);
  return mask;
}

const ALL_OF_IT = everyHeader();
/** OVS does not read the text it writes: of NSH, and of a tag that ends with the frame. */
function isUnreadable(key: Uint8Array): boolean {
  const type = get16(key, K.ethType.offset);
  const tagged = (get16(key, K.vlanTci.offset) & VLAN_CFI) !== 0;
  return type === 0x894f || ((type === 0x8100 || type === 0x88a8) && !tagged);
}

/** Of a label: it is the last one. */
const BOTTOM = 0x100;
const TRACKED = ['trk,new', 'trk,est', 'trk,est,rpl', 'trk,inv'];

/** Without the labels that stand after the last one. */
function dpText(key: Uint8Array): string {
  const mask = ALL_OF_IT.slice();
  const labels = [K.mplsLse0, K.mplsLse1, K.mplsLse2];
  const last = labels.findIndex((l) => (get32(key, l.offset) & BOTTOM) !== 0);
  for (const l of labels.slice(last < 0 ? labels.length : last + 1)) mask.fill(0, l.offset, l.offset + l.bytes);
  return formatDpKey(key, mask);
}

/** The packet as a flow of the datapath; undefined where OVS cannot read it. `pass`: the number under which it goes on. */
export function dpFlow(port: number, frame: Uint8Array, pass = 0): string | undefined {
  const key = newKey();
  extract(frame, key, 1);
  if (isUnreadable(key)) return undefined;
  return `${pass === 0 ? '' : `recirc_id(0x${pass.toString(16)}),`}in_port(p${port}),${dpText(key)}`;
}

/** The packet as bytes, or as a flow of what is in them: OpenFlow's or the datapath's. */
function subject(r: Random, port: number, frame: Uint8Array): string[] {
  const bytes = r.chance(0.5);
  if (bytes && r.chance(0.2)) return [`in_port(p${port})`, formatHex(frame)];
  if (bytes) return ['br0', `in_port=${port}${r.chance(0.1) ? ',skb_priority=3,pkt_mark=4' : ''}`, formatHex(frame)];
  const flow = dpFlow(port, frame);
  if (flow !== undefined && r.chance(0.3)) return [flow];
  const key = newKey();
  extract(frame, key, 1);
  put32(key, OK.ofInPort.offset, port);
  const text = formatKey(key);
  // Now and then as it is printed, which for some packets is not how it is read.
  return ['br0', r.chance(0.1) ? text : (describable(text) ?? text)];
}

/** Actions of a flow of the pipeline: some are none that a packet can be sent with. */
function actionsOf(r: Random, { flows }: Pipeline): string {
  const flow = r.pick(flows);
  return flow.slice(flow.indexOf('actions=') + 'actions='.length);
}

export function question(r: Random, port: number, frame: Uint8Array, pipeline: Pipeline): Question {
  const options: string[] = [];
  if (r.chance(0.15)) options.push(r.chance(0.5) ? '-generate' : '--generate');
  if (r.chance(0.15)) options.push('--names');
  if (r.chance(0.05)) options.push('--ct-next', r.pick(TRACKED));
  const about = subject(r, port, frame);
  if (!r.chance(0.15)) return { command: 'ofproto/trace', args: [...options, ...about] };
  if (r.chance(0.3)) options.push('-consistent');
  return { command: 'ofproto/trace-packet-out', args: [...options, ...about, actionsOf(r, pipeline)] };
}
