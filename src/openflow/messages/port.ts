/** Ports: their description, status, configuration and statistics. Inside weft a port has the numbers and bits of OpenFlow 1.3. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { LinkFeatures } from '../../bridge/of-bridge.js';
import { ask, msg, tell } from '../row.js';
import {
  bytes,
  byVersion,
  type Codec,
  counter,
  listOf,
  mapped,
  nothing,
  pad,
  struct,
  text,
  u8,
  u32,
} from '../schema.js';
import { phyFeatures, port10, port32 } from './port-bits.js';
import { readProperties, sized } from './property.js';

export interface PhyPort extends LinkFeatures {
  readonly number: number;
  readonly hwAddr: Uint8Array;
  readonly name: string;
  readonly config: number;
  readonly state: number;
}

const link = { curr: u32, advertised: u32, supported: u32, peer: u32, currSpeed: u32, maxSpeed: u32 };

const phy10 = struct({
  number: port10,
  hwAddr: bytes(6),
  name: text(16),
  config: u32,
  state: u32,
  curr: phyFeatures,
  advertised: phyFeatures,
  supported: phyFeatures,
  peer: phyFeatures,
});

const phy11 = struct({
  number: port32,
  _pad: pad(4),
  hwAddr: bytes(6),
  _pad2: pad(2),
  name: text(16),
  config: u32,
  state: u32,
  ...link,
});

const phy14Head = struct({ hwAddr: bytes(6), _pad2: pad(2), name: text(16), config: u32, state: u32 });
const phy14Ethernet = struct({ _pad: pad(4), ...link });
const NO_ETHERNET: LinkFeatures = { curr: 0, advertised: 0, supported: 0, peer: 0, currSpeed: 0, maxSpeed: 0 };

/** From 1.4 on: a length, then properties, of which the Ethernet one (type 0) is known. */
const phy14: Codec<PhyPort> = {
  read: (r) => {
    const number = port32.read(r);
    const body = sized(r, 6);
    body.skip(2);
    const head = phy14Head.read(body);
    let ethernet = NO_ETHERNET;
    readProperties(body, (type, p) => {
      if (type === 0) ethernet = phy14Ethernet.read(p);
    });
    return { number, ...head, ...ethernet };
  },
  write: (w, v) => {
    port32.write(w, v.number);
    w.u16(72);
    w.zeros(2);
    phy14Head.write(w, v);
    w.u16(0);
    w.u16(32);
    phy14Ethernet.write(w, v);
  },
};

export const phyPort: Codec<PhyPort> = byVersion<PhyPort>({
  1: mapped(
    phy10,
    (p): PhyPort => ({ ...p, currSpeed: 0, maxSpeed: 0 }),
    (p) => ({ ...p }),
  ),
  2: phy11,
  5: phy14,
});

export const PORT_REASONS = ['add', 'delete', 'modify'] as const;
const portStatus = struct({ reason: u8, _pad: pad(7), port: phyPort });

export interface PortMod {
  readonly number: number;
  readonly hwAddr: Uint8Array;
  readonly config: number;
  readonly mask: number;
  readonly advertise: number;
}
const portMod14Head = struct({
  number: port32,
  _pad: pad(4),
  hwAddr: bytes(6),
  _pad2: pad(2),
  config: u32,
  mask: u32,
});
const portMod14: Codec<PortMod> = {
  read: (r) => {
    const head = portMod14Head.read(r);
    let advertise = 0;
    readProperties(r, (type, p) => {
      if (type === 0) advertise = p.u32();
    });
    return { ...head, advertise };
  },
  write: (w, v) => {
    portMod14Head.write(w, v);
    if (v.advertise === 0) return;
    w.u16(0);
    w.u16(8);
    w.u32(v.advertise);
  },
};
const portMod = byVersion<PortMod>({
  1: struct({ number: port10, hwAddr: bytes(6), config: u32, mask: u32, advertise: phyFeatures, _pad: pad(4) }),
  2: struct({
    number: port32,
    _pad: pad(4),
    hwAddr: bytes(6),
    _pad2: pad(2),
    config: u32,
    mask: u32,
    advertise: u32,
    _pad3: pad(4),
  }),
  5: portMod14,
});

/** Counters; UNKNOWN where the switch cannot tell. */
export interface PortStats {
  readonly number: number;
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxDropped: number;
  readonly txDropped: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxFrameErrors: number;
  readonly rxOverErrors: number;
  readonly rxCrcErrors: number;
  readonly collisions: number;
  /** From 1.3 on; 0xffffffff where unknown. */
  readonly durationSec: number;
  readonly durationNsec: number;
  /** 1.4 and later: OVS's own counters by name, as its netdevs give them. */
  readonly custom?: readonly (readonly [string, number])[];
}
const counters = {
  rxPackets: counter,
  txPackets: counter,
  rxBytes: counter,
  txBytes: counter,
  rxDropped: counter,
  txDropped: counter,
  rxErrors: counter,
  txErrors: counter,
};
const ethernetCounters = { rxFrameErrors: counter, rxOverErrors: counter, rxCrcErrors: counter, collisions: counter };
const timeless = <T extends object>(v: T) => ({ ...v, durationSec: 0xffffffff, durationNsec: 0xffffffff });
const stats14Head = struct({ number: port32, durationSec: u32, durationNsec: u32, ...counters });
const stats14Ethernet = struct({ _pad: pad(4), ...ethernetCounters });
const CUSTOM = { experimenter: 0xffff, vendor: 0xaa01, type: 2 } as const;

const portStats14: Codec<PortStats> = {
  read: (r) => {
    const body = sized(r, 2);
    body.skip(2);
    const head = stats14Head.read(body);
    let more = { rxFrameErrors: -1, rxOverErrors: -1, rxCrcErrors: -1, collisions: -1 };
    let custom: [string, number][] | undefined;
    readProperties(body, (type, p) => {
      if (type === 0) more = stats14Ethernet.read(p);
      else if (type === CUSTOM.experimenter && p.u32() === CUSTOM.vendor && p.u32() === CUSTOM.type)
        custom = readCustom(p);
    });
    return { ...head, ...more, ...(custom ? { custom } : {}) };
  },
  write: (w: WireWriter, v) => {
    const start = w.length;
    w.u16(0);
    w.zeros(2);
    stats14Head.write(w, v);
    w.u16(0);
    w.u16(40);
    stats14Ethernet.write(w, v);
    w.patch16(start, w.length - start);
  },
};

function readCustom(p: WireReader): [string, number][] {
  p.skip(2);
  const n = p.u16();
  const out: [string, number][] = [];
  for (let i = 0; i < n; i++) {
    const name = Buffer.from(p.bytes(p.u8())).toString('latin1');
    out.push([name, counter.read(p)]);
  }
  return out;
}

const portStats = byVersion<PortStats>({
  1: mapped(struct({ number: port10, _pad: pad(6), ...counters, ...ethernetCounters }), timeless, (v) => ({ ...v })),
  2: mapped(struct({ number: port32, _pad: pad(4), ...counters, ...ethernetCounters }), timeless, (v) => ({ ...v })),
  4: struct({
    number: port32,
    _pad: pad(4),
    ...counters,
    ...ethernetCounters,
    durationSec: u32,
    durationNsec: u32,
  }),
  5: portStats14,
});

const onePort = byVersion({
  1: struct({ number: port10, _pad: pad(6) }),
  2: struct({ number: port32, _pad: pad(4) }),
});
const anyPort = byVersion<{ number?: number }>({ 1: nothing, 6: struct({ number: port32, _pad: pad(4) }) });

export const portRows = [
  msg('port_status', 'OFPT_PORT_STATUS', [1, 6], 12, portStatus),
  msg('port_mod', 'OFPT_PORT_MOD', [1, 1], 15, portMod),
  msg('port_mod', 'OFPT_PORT_MOD', [2, 6], 16, portMod),
  ask('port_stats_request', 'OFPST_PORT', [1, 6], 4, onePort),
  tell('port_stats_reply', 'OFPST_PORT', [1, 6], 4, listOf(portStats)),
  ask('port_desc_request', 'OFPST_PORT_DESC', [1, 6], 13, anyPort),
  tell('port_desc_reply', 'OFPST_PORT_DESC', [1, 6], 13, listOf(phyPort)),
] as const;
