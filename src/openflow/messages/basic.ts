/** Messages every version has: hello, error, echo, features, switch configuration, barrier, description. */
import type { WireReader } from '../../action/context.js';
import { type ErrorCode, errorCode } from '../errors.js';
import { ANY, ask, msg, tell } from '../row.js';
import { type Codec, nothing, pad, rest, struct, text, u8, u16, u32, u64 } from '../schema.js';
import { type PhyPort, phyPort } from './port.js';

export interface Hello {
  /** Bit n: wire version n is spoken. Undefined where the peer sent no bitmap: then every version up to that of the header. */
  readonly bitmap?: number;
}

const HELLO_VERSION_BITMAP = 1;
const hello: Codec<Hello> = {
  read: (r) => {
    let bitmap: number | undefined;
    // A hello of unknown content is legal: what is not understood is passed over.
    while (r.remaining >= 4) {
      const type = r.u16();
      const length = r.u16();
      if (length < 4 || length - 4 > r.remaining) break;
      const body = r.sub(length - 4);
      if (type === HELLO_VERSION_BITMAP && length >= 8) bitmap = body.u32();
      r.skip(Math.min(r.remaining, (8 - (length % 8)) % 8));
    }
    r.skip(r.remaining);
    return bitmap === undefined ? {} : { bitmap };
  },
  write: (w, v) => {
    if (v.bitmap === undefined) return;
    w.u16(HELLO_VERSION_BITMAP);
    w.u16(8);
    w.u32(v.bitmap);
  },
};

export interface OfErrorMessage extends ErrorCode {
  /** Start of the message that was refused. */
  readonly data: Uint8Array;
}

const NX_WRAPPED_TYPE = 0xb0c2;
const EXPERIMENTER_TYPE = 0xffff;

/** Next comes the number of a vendor: 0 is nobody's, and stands for errors that need none. */
const hasVendor = (r: WireReader): boolean => r.remaining >= 4 && (r.peek16(0) !== 0 || r.peek16(2) !== 0);

/**
 * An experimenter's error has two wrappings: OpenFlow 1.0 and 1.1 know none, so Nicira's own (type 0xb0c2, then vendor, type and code) is
 * used; from 1.2 on type 0xffff, the type where the code stands, then the vendor.
 */
const error: Codec<OfErrorMessage> = {
  read: (r) => {
    const type = r.u16();
    const code = r.u16();
    const take = (e: ErrorCode): OfErrorMessage => ({ ...e, data: rest.read(r) });
    if (type === NX_WRAPPED_TYPE && code === 0 && r.remaining >= 8 && hasVendor(r)) {
      return take({ vendor: r.u32(), type: r.u16(), code: r.u16() });
    }
    if (type === EXPERIMENTER_TYPE && r.version >= 3 && hasVendor(r)) {
      return take({ vendor: r.u32(), type: code, code: 0 });
    }
    return take({ vendor: 0, type, code });
  },
  write: (w, v) => {
    if (v.vendor === 0) {
      w.u16(v.type);
      w.u16(v.code);
    } else if (w.version < 3 || v.code !== 0) {
      w.u16(NX_WRAPPED_TYPE);
      w.u16(0);
      w.u32(v.vendor);
      w.u16(v.type);
      w.u16(v.code);
    } else {
      w.u16(EXPERIMENTER_TYPE);
      w.u16(v.type);
      w.u32(v.vendor);
    }
    w.bytes(v.data);
  },
};

/** What fits in a message behind the longest head of an error. */
const MAX_DATA = 65535 - 20;

/** The error message for a name of the table, with the whole request: its sender can then show what was refused. */
export function errorMessage(name: string, version: number, request: Uint8Array): OfErrorMessage {
  return { ...errorCode(name, version), data: request.subarray(0, MAX_DATA) };
}

export const CAPABILITY = {
  flowStats: 1,
  tableStats: 2,
  portStats: 4,
  /** 1.0 only. */
  stp: 8,
  /** 1.1 and later. */
  groupStats: 8,
  ipReassembly: 0x20,
  queueStats: 0x40,
  /** 1.0 and 1.1. */
  arpMatchIp: 0x80,
  /** 1.2 and later. */
  portBlocked: 0x100,
  bundles: 0x200,
} as const;

export interface Features {
  readonly datapathId: bigint;
  readonly nBuffers: number;
  readonly nTables: number;
  readonly auxiliaryId: number;
  /** CAPABILITY bits of the version. */
  readonly capabilities: number;
  /** 1.0: bit n says that action type n works. */
  readonly actions: number;
  /** 1.0 to 1.2 list the ports here. */
  readonly ports: readonly PhyPort[];
}

const featuresHead = struct({
  datapathId: u64,
  nBuffers: u32,
  nTables: u8,
  auxiliaryId: u8,
  _pad: pad(2),
  capabilities: u32,
  actions: u32,
});
const features: Codec<Features> = {
  read: (r) => ({ ...featuresHead.read(r), ports: readPorts(r) }),
  write: (w, v) => {
    featuresHead.write(w, v);
    if (w.version < 4) for (const p of v.ports) phyPort.write(w, p);
  },
};

function readPorts(r: WireReader): PhyPort[] {
  const ports: PhyPort[] = [];
  while (r.version < 4 && r.remaining > 0) ports.push(phyPort.read(r));
  return ports;
}

export const FRAG_MODES = ['normal', 'drop', 'reassemble', 'nx-match'] as const;
/** The low two bits of a configuration's flags: how IP fragments are treated, an index into FRAG_MODES. */
export const FRAG_MASK = 3;
/** 1.0 to 1.2: packets whose TTL is not valid go to the controller. */
export const INVALID_TTL_TO_CONTROLLER = 4;

const config = struct({ flags: u16, missSendLen: u16 });

const description = struct({
  manufacturer: text(256),
  hardware: text(256),
  software: text(256),
  serial: text(32),
  datapath: text(256),
});
export type Description = ReturnType<typeof description.read>;

export const basicRows = [
  msg('hello', 'OFPT_HELLO', ANY, 0, hello),
  msg('error', 'OFPT_ERROR', ANY, 1, error),
  msg('echo_request', 'OFPT_ECHO_REQUEST', ANY, 2, rest),
  msg('echo_reply', 'OFPT_ECHO_REPLY', ANY, 3, rest),
  msg('features_request', 'OFPT_FEATURES_REQUEST', ANY, 5, nothing),
  msg('features_reply', 'OFPT_FEATURES_REPLY', ANY, 6, features),
  msg('get_config_request', 'OFPT_GET_CONFIG_REQUEST', ANY, 7, nothing),
  msg('get_config_reply', 'OFPT_GET_CONFIG_REPLY', ANY, 8, config),
  msg('set_config', 'OFPT_SET_CONFIG', ANY, 9, config),
  msg('barrier_request', 'OFPT_BARRIER_REQUEST', [1, 1], 18, nothing),
  msg('barrier_request', 'OFPT_BARRIER_REQUEST', [2, 6], 20, nothing),
  msg('barrier_reply', 'OFPT_BARRIER_REPLY', [1, 1], 19, nothing),
  msg('barrier_reply', 'OFPT_BARRIER_REPLY', [2, 6], 21, nothing),
  ask('desc_request', 'OFPST_DESC', ANY, 0, nothing),
  tell('desc_reply', 'OFPST_DESC', ANY, 0, description),
] as const;
