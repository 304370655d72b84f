/** 802.1Q and 802.1ad tags, from the control information on: the TPID is the type of the header before. */
import { get16, put16 } from '../../lib/bytes.js';
import type { Wire } from './wire.js';

export const VLAN = { tci: 0, type: 2, bytes: 4 } as const;

export class VlanView {
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
  ) {}
  get tci(): number {
    return get16(this.bytes, this.at + VLAN.tci);
  }
  set tci(v: number) {
    put16(this.bytes, this.at + VLAN.tci, v);
  }
  get type(): number {
    return get16(this.bytes, this.at + VLAN.type);
  }
}

export function vlanView(bytes: Uint8Array, at: number, end = bytes.length): VlanView | undefined {
  return end - at < VLAN.bytes ? undefined : new VlanView(bytes, at);
}

export interface Vlan {
  /** 0 to 4095. */
  readonly vid: number;
  /** 0 to 7. */
  readonly pcp: number;
  /** Drop eligible. */
  readonly dei: boolean;
  readonly type: number;
}

export const vlan: Wire<Vlan> = {
  parse(bytes, at, end) {
    const v = vlanView(bytes, at, end);
    return v && { vid: v.tci & 0xfff, pcp: v.tci >> 13, dei: (v.tci & 0x1000) !== 0, type: v.type };
  },
  length: () => VLAN.bytes,
  emit(value, out, at) {
    put16(out, at + VLAN.tci, (value.pcp << 13) | (value.dei ? 0x1000 : 0) | value.vid);
    put16(out, at + VLAN.type, value.type);
  },
};
