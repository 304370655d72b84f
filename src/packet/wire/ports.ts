import { get16 } from '../../lib/bytes.js';

/** What headers of transport have in common: they begin with two ports. */
export class PortsView {
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
  ) {}
  get src(): number {
    return get16(this.bytes, this.at);
  }
  get dst(): number {
    return get16(this.bytes, this.at + 2);
  }
}
