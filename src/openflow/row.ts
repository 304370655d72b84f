/**
 * What a message is: one row, made by the constructors here. Rows of one family stand in one file of src/openflow/messages/; the registry
 * (src/openflow/registry.ts) joins them. A `kind` is what a message means; several rows of one kind are its wire forms (OFPT_FLOW_MOD of 1.0,
 * NXT_FLOW_MOD, OFPT_FLOW_MOD of 1.1 and later) and share one type of value.
 */
import { VENDOR } from './errors.js';
import type { Codec } from './schema.js';

/** First and last wire version that has it. */
export type Versions = readonly [from: number, to: number];
export const ANY: Versions = [1, 6];

export interface Row<K extends string, T> {
  readonly kind: K;
  /** As ovs-ofctl prints it, e.g. "OFPST_FLOW reply". */
  readonly name: string;
  readonly versions: Versions;
  readonly type: (version: number) => number;
  /** Multipart type, for the messages that are parts of a multipart request or reply. */
  readonly stat?: number;
  readonly vendor?: number;
  readonly subtype?: number;
  readonly body: Codec<T>;
}

const EXPERIMENTER = 4;
const STAT_EXPERIMENTER = 0xffff;
const STATS_REQUEST = (version: number) => (version === 1 ? 16 : 18);
const STATS_REPLY = (version: number) => (version === 1 ? 17 : 19);

/** A message with a type number of its own. */
export function msg<const K extends string, T>(
  kind: K,
  name: string,
  versions: Versions,
  type: number,
  body: Codec<T>,
): Row<K, T> {
  return { kind, name, versions, type: () => type, body };
}

/** A Nicira extension message. */
export function nx<const K extends string, T>(
  kind: K,
  name: string,
  subtype: number,
  body: Codec<T>,
  versions = ANY,
): Row<K, T> {
  return { kind, name, versions, type: () => EXPERIMENTER, vendor: VENDOR.nicira, subtype, body };
}

/** An extension message of the Open Networking Foundation. */
export function onf<const K extends string, T>(
  kind: K,
  name: string,
  subtype: number,
  body: Codec<T>,
  versions = ANY,
): Row<K, T> {
  return { kind, name, versions, type: () => EXPERIMENTER, vendor: VENDOR.onf, subtype, body };
}

/** A multipart request. `name` is without " request". */
export function ask<const K extends string, T>(
  kind: K,
  name: string,
  versions: Versions,
  stat: number,
  body: Codec<T>,
): Row<K, T> {
  return { kind, name: `${name} request`, versions, type: STATS_REQUEST, stat, body };
}

/** A multipart reply. `name` is without " reply". */
export function tell<const K extends string, T>(
  kind: K,
  name: string,
  versions: Versions,
  stat: number,
  body: Codec<T>,
): Row<K, T> {
  return { kind, name: `${name} reply`, versions, type: STATS_REPLY, stat, body };
}

export function nxAsk<const K extends string, T>(
  kind: K,
  name: string,
  subtype: number,
  body: Codec<T>,
  versions = ANY,
): Row<K, T> {
  return { ...ask(kind, name, versions, STAT_EXPERIMENTER, body), vendor: VENDOR.nicira, subtype };
}

export function nxTell<const K extends string, T>(
  kind: K,
  name: string,
  subtype: number,
  body: Codec<T>,
  versions = ANY,
): Row<K, T> {
  return { ...tell(kind, name, versions, STAT_EXPERIMENTER, body), vendor: VENDOR.nicira, subtype };
}
