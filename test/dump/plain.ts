/** Dumps without what differs from run to run, or from switch to switch for a reason that docs/compatibility.md gives. */
import { parseDpKey } from '../../src/datapath/text/flow.js';
import { K } from '../../src/packet/key.js';

/** Floods go out in the order of a hash in one, of port numbers in the other. */
function inOrder(line: string): string {
  const at = line.indexOf('actions:');
  if (at < 0) return line;
  const sorted = line
    .slice(at + 8)
    .replace(/(?<![\w(])(?:\w+,)+\w+(?![\w(])/g, (run) => run.split(',').sort().join(','));
  return `${line.slice(0, at + 8)}${sorted}`;
}

export interface Flow {
  readonly text: string;
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
  readonly actions: string;
}

/** A line of dpctl/dump-flows. Recirculation numbers are each switch's own. */
export function flowOf(line: string): Flow {
  const { value, mask } = parseDpKey(
    line
      .slice(0, line.indexOf(', packets:'))
      .replace(/^ufid:[-0-9a-f]+, /, '')
      .replace(/\bin_port\(p(\d)\)/, 'in_port($1)')
      .replace('in_port(br0)', 'in_port(100)')
      .replace(/nsh\(\),?/g, '')
      .replace(/\bop=\d{3,}/g, 'op=255'),
  );
  const actions = inOrder(line.slice(line.indexOf('actions:'))).replace(/recirc(_id=|\()\d+/g, 'recirc$1N');
  return { text: line, value, mask, actions };
}

/** Bits that are not asked about, by what the text says of the packet. */
type Leave = (flow: Flow, mask: Uint8Array) => void;

const clear = (mask: Uint8Array, at: number, bytes: number): void => {
  mask.fill(0, at, at + bytes);
};

/** Where the two differ in form alone. */
const IN_FORM: readonly Leave[] = [
  // Which lines of a key are there follows from the rest.
  (_f, mask) => clear(mask, K.lines.offset, 1),
  // The type of a tag is always said, whether it is matched or not.
  (_f, mask) => clear(mask, K.vlanTpid.offset, 2),
  // No word of a tag means none in OVS, and may mean any in weft, whose flows can leave that open.
  (f, mask) => {
    if (!f.text.includes('vlan(')) clear(mask, K.vlanTci.offset, 2);
  },
];

/** Where weft looks at more, for reasons that docs/compatibility.md gives. */
const ARGUED: readonly Leave[] = [
  // A tag that comes off is matched whole.
  (_f, mask) => clear(mask, K.vlanTci.offset, 2),
  // A label of which a part is set has the rest from the packet.
  (_f, mask) => clear(mask, K.mplsLse0.offset, 4),
  // Bits of addresses and ports that are asked for before it is known that another header differs: tries come first.
  (_f, mask) => {
    for (const s of [K.tpSrc, K.tpDst, K.nwSrc, K.nwDst, K.ipv6Src, K.ipv6Dst]) clear(mask, s.offset, s.bytes);
  },
];

/** Every packet that `narrow` takes is taken by `wide`: as the masks are, or but for what is argued. */
export function covers(wide: Flow, narrow: Flow): 'yes' | 'argued' | 'no' {
  const mask = wide.mask.slice();
  const isCovered = (): boolean =>
    mask.every((m, i) => (m & ~narrow.mask[i]) === 0 && ((wide.value[i] ^ narrow.value[i]) & m) === 0);
  for (const leave of IN_FORM) leave(wide, mask);
  if (isCovered()) return 'yes';
  for (const leave of ARGUED) leave(wide, mask);
  return isCovered() ? 'argued' : 'no';
}

/** Do they look at the same bits, and want the same of them? */
export function isSame(a: Flow, b: Flow): boolean {
  const differ = (m: number, i: number): boolean =>
    i !== K.lines.offset && (m !== b.mask[i] || ((a.value[i] ^ b.value[i]) & m) !== 0);
  return a.actions === b.actions && !a.mask.some(differ);
}

/**
 * A line without what is each switch's own: names, passes and orders; and what an option of neighbor discovery looks like to Open vSwitch. `counted`: with
 * its counters.
 */
export function textOf({ text }: Flow, counted: boolean): string {
  return inOrder(text)
    .replace(counted ? /(?!)/ : /packets:.*used:[^,]*(, flags:[A-Z.]+)?/, 'C')
    .replace(/ufid:[-0-9a-f]+/, 'ufid:U')
    .replace(/, dp-extra-info:[^ ]*(?=,? |$)/, '')
    .replace(/recirc(_id=|_id\(|\()(0x[1-9a-f][0-9a-f]*|[1-9]\d*)/g, 'recirc$1N')
    .replace(/(icmpv6\(.*used:[^,]*), flags:[A-Z.]+/, '$1');
}

/** Lines in an order of their own, without times and numbers of hits. */
export function plain(text: string): string[] {
  return text
    .replace(/duration=\d+s/g, 'duration=T')
    .split('\n')
    .filter((line) => !/hit:|port 0:|^ {2}flows:|^table_id=254/.test(line))
    .sort();
}
