/** What a controller says about itself: its role, which unasked messages it wants, and Nicira's switches for formats. */
import { ofError } from '../errors.js';
import { ANY, msg, nx } from '../row.js';
import { byVersion, type Codec, mapped, nothing, pad, struct, u8, u16, u32, u64 } from '../schema.js';
import { readProperties } from './property.js';

export interface Role {
  /** As 1.2 numbers them: 0 no change, 1 equal, 2 primary, 3 secondary. */
  readonly role: number;
  /** Undefined in Nicira's form, and all ones where the switch has seen none. */
  readonly generation?: bigint;
}
const role: Codec<Role> = struct({ role: u32, _pad: pad(4), generation: u64 });
/** Nicira numbers equal, primary, secondary from 0. */
const nxRole: Codec<Role> = mapped(
  u32,
  (r): Role => ({ role: r + 1 }),
  (v) => v.role - 1,
);

export const ROLE_REASONS = ['master_request', 'configuration_changed', 'experimenter_data_changed'] as const;
const roleStatus = struct({ role: u32, reason: u8, _pad: pad(3), generation: u64 });

/**
 * Bitmaps of reasons, in pairs: for a primary or equal controller, and for a secondary one. The order is that of the property types of 1.4,
 * where 2n is the secondary's and 2n + 1 the primary's; 1.3 has the first three pairs, primary first.
 */
export interface AsyncConfig {
  /** [primary, secondary] each; undefined: not said. */
  readonly pairs: readonly (readonly [primary: number | undefined, secondary: number | undefined])[];
}
export const ASYNC_MESSAGES = [
  'PACKET_IN',
  'PORT_STATUS',
  'FLOW_REMOVED',
  'ROLE_STATUS',
  'TABLE_STATUS',
  'REQUESTFORWARD',
] as const;
const PAIRS = ASYNC_MESSAGES.length;

const async13: Codec<AsyncConfig> = {
  read: (r) => ({ pairs: [0, 1, 2].map(() => [r.u32(), r.u32()] as const) }),
  write: (w, v) => {
    for (let i = 0; i < 3; i++) for (const mask of v.pairs[i] ?? [0, 0]) w.u32(mask ?? 0);
  },
};
const async14: Codec<AsyncConfig> = {
  read: (r) => {
    const pairs = Array.from({ length: PAIRS }, (): [number | undefined, number | undefined] => [undefined, undefined]);
    readProperties(r, (type, body) => {
      if (type >= PAIRS * 2) throw ofError('OFPACFC_INVALID');
      pairs[type >> 1][type & 1 ? 0 : 1] = body.u32();
    });
    return { pairs };
  },
  write: (w, v) => {
    v.pairs.forEach(([primary, secondary], i) => {
      for (const [type, mask] of [
        [2 * i, secondary],
        [2 * i + 1, primary],
      ]) {
        if (mask === undefined || type === undefined) continue;
        w.u16(type);
        w.u16(8);
        w.u32(mask);
      }
    });
  },
};
const async = byVersion({ 4: async13, 5: async14 });

export const controllerRows = [
  msg('role_request', 'OFPT_ROLE_REQUEST', [3, 6], 24, role),
  msg('role_reply', 'OFPT_ROLE_REPLY', [3, 6], 25, role),
  nx('role_request', 'NXT_ROLE_REQUEST', 10, nxRole),
  nx('role_reply', 'NXT_ROLE_REPLY', 11, nxRole),
  msg('role_status', 'OFPT_ROLE_STATUS', [5, 6], 30, roleStatus),
  msg('get_async_request', 'OFPT_GET_ASYNC_REQUEST', [4, 6], 26, nothing),
  msg('get_async_reply', 'OFPT_GET_ASYNC_REPLY', [4, 6], 27, async),
  msg('set_async', 'OFPT_SET_ASYNC', [4, 6], 28, async),
  nx('set_async', 'NXT_SET_ASYNC_CONFIG', 19, async13),
  nx('set_async', 'NXT_SET_ASYNC_CONFIG2', 27, async14),
  nx('set_flow_format', 'NXT_SET_FLOW_FORMAT', 12, struct({ format: u32 })),
  nx('flow_mod_table_id', 'NXT_FLOW_MOD_TABLE_ID', 15, struct({ set: u8, _pad: pad(7) })),
  nx('set_packet_in_format', 'NXT_SET_PACKET_IN_FORMAT', 16, struct({ format: u32 })),
  nx('flow_age', 'NXT_FLOW_AGE', 18, nothing),
  nx('set_controller_id', 'NXT_SET_CONTROLLER_ID', 20, struct({ _pad: pad(6), controllerId: u16 }), ANY),
] as const;
