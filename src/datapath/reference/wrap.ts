/**
 * Headers around a whole packet: NSH, and the Ethernet header that a packet inside or outside of it lacks. The C++ twin is native/action/wrap.cc.
 *
 * Problem: everything else counts on an Ethernet header in front. Idea: it is always there. A packet that is not Ethernet has one without addresses
 * whose type says what it is, and the pipeline sends no such packet by a port. So `pop_eth` and `push_eth` clear and set addresses, and what else
 * looks at headers need not know.
 */
import { ETH_HEADER, u16 } from './headers.js';
import type { Packet } from './packet.js';
import { insert, put16, remove } from './push-pop.js';

const NSH_TYPE = 0x894f;
const NSH_MIN = 8;
/** Types by NSH's next protocol; Ethernet is a header of its own. */
const NEXT: Readonly<Record<number, number>> = { 1: 0x0800, 2: 0x86dd, 4: NSH_TYPE };
const NEXT_ETHERNET = 3;

export function setAddresses(p: Packet, addresses: Uint8Array | undefined): void {
  if (addresses) p.frame.set(addresses);
  else p.frame.fill(0, 0, 12);
}

/** An NSH header around an Ethernet frame, or (by its next protocol) around what stands behind the Ethernet header. False: no headroom. */
export function pushNsh(p: Packet, header: Uint8Array): boolean {
  const inside = header[3] === NEXT_ETHERNET ? 0 : ETH_HEADER;
  if (!insert(p, inside, ETH_HEADER - inside + header.length)) return false;
  if (inside === 0) p.frame.fill(0, 0, 12);
  put16(p.frame, 12, NSH_TYPE);
  p.frame.set(header, ETH_HEADER);
  return true;
}

/** A label in front of a `whole` frame, or of what stands behind the Ethernet header. False: no headroom. */
export function addMpls(p: Packet, label: { lse: number; ethType: number; whole: boolean }): boolean {
  const inside = label.whole ? 0 : ETH_HEADER;
  if (!insert(p, inside, ETH_HEADER - inside + 4)) return false;
  if (label.whole) p.frame.fill(0, 0, 12);
  put16(p.frame, 12, label.ethType);
  put16(p.frame, ETH_HEADER, label.lse >>> 16);
  put16(p.frame, ETH_HEADER + 2, label.lse & 0xffff);
  return true;
}

/** Takes off a label and the Ethernet header in front of it. Nothing happens where there is no label with a frame behind it. */
export function popMplsWhole(p: Packet): boolean {
  const type = p.frame.length < 2 * ETH_HEADER + 4 ? 0 : u16(p.frame, 12);
  if (type !== 0x8847 && type !== 0x8848) return false;
  remove(p, 0, ETH_HEADER + 4);
  return true;
}

/** Nothing happens where there is no whole header, or what it carries is no packet. True: something else is in front now. */
export function popNsh(p: Packet): boolean {
  const { frame } = p;
  const left = frame.length - ETH_HEADER;
  if (left < NSH_MIN || u16(frame, 12) !== NSH_TYPE) return false;
  const length = (frame[ETH_HEADER + 1] & 0x3f) * 4;
  if (length < NSH_MIN || length > left) return false;
  const next = frame[ETH_HEADER + 3];
  if (next === NEXT_ETHERNET) {
    if (left - length < ETH_HEADER) return false;
    remove(p, 0, ETH_HEADER + length);
    return true;
  }
  const type = NEXT[next];
  if (type === undefined) return false;
  remove(p, ETH_HEADER, length);
  put16(p.frame, 12, type);
  return true;
}
