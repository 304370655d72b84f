/** The same messages to ovs-vswitchd and to weft: how they read, what is refused and how, then the bytes and the text of what is there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../../src/cli/ofctl.js';
import { run, type TwoSwitches } from '../two-switches.js';
import type { Comparison } from './compare.js';
import { Peer } from './peer.js';

/** Transactions of the messages count from here. */
export const FIRST_XID = 100;

export interface Sent {
  /** What the message was made from. */
  readonly line: string;
  /** Its transaction is FIRST_XID and its place in the list. */
  readonly bytes: Uint8Array;
}

export interface Parts {
  readonly version: number;
  readonly sent: readonly Sent[];
  /** Sent before all of them. */
  readonly first?: readonly Uint8Array[];
  /** What is there afterwards, as bytes in hexadecimal without what tells the time. */
  dump(peer: Peer): Promise<string[]>;
  /** Commands of ovs-ofctl that print it. */
  readonly shown: readonly (readonly string[])[];
  /** Takes out of a text what is one switch's own, or differs on purpose. */
  readonly normal?: (text: string) => string;
}

/** Entries of a multipart reply, sorted, with the time in them put out. */
export function entries(
  parts: readonly Uint8Array[],
  at: { readonly length?: number; readonly duration?: number },
): string[] {
  const out: string[] = [];
  for (const part of parts) {
    const b = Buffer.from(part);
    const { length: lengthAt = 0, duration = 0 } = at;
    for (let from = 0; from + lengthAt + 2 <= b.length; ) {
      const length = b.readUInt16BE(from + lengthAt);
      if (length === 0) throw new Error('an entry of no length');
      const entry = b.subarray(from, from + length);
      if (duration > 0) entry.fill(0, duration, duration + 8);
      out.push(entry.toString('hex'));
      from += length;
    }
  }
  return out.sort();
}

/** What only one list has. */
function unlike(real: readonly string[], ours: readonly string[], what: string): string[] {
  const [a, b] = [new Set(real), new Set(ours)];
  return [
    ...real.filter((x) => !b.has(x)).map((x) => `${what}\n  ovs  ${x}`),
    ...ours.filter((x) => !a.has(x)).map((x) => `${what}\n  weft ${x}`),
  ];
}

/** What weft's ofctl prints, run in this process: errors first, as they come where the other text waits in a buffer. */
export async function weftOfctl(...args: string[]): Promise<string> {
  const text = { out: '', err: '' };
  const add =
    (to: 'out' | 'err') =>
    (more: string): void => {
      text[to] += more;
    };
  await main(args, 'ovs-ofctl', { out: add('out'), err: add('err'), isTty: false });
  return text.err + text.out;
}

/** Whole messages, however much of them is asked for. */
async function compareRead({ sent, normal = (t) => t }: Parts, two: TwoSwitches): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'weft-sent-'));
  try {
    const file = join(dir, 'messages');
    writeFileSync(file, Buffer.concat(sent.map((s) => s.bytes)));
    const out: string[] = [];
    for (const more of [[], ['-m']]) {
      const args = [...more, 'ofp-parse', file];
      const real = await run('ovs-ofctl', args, two.theirs);
      const texts = [real.out, await weftOfctl(...args)].map((t) => normal(t).split('\n'));
      out.push(...unlike(texts[0], texts[1], `read${more}`));
    }
    return out;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const sorted = (text: string): string[] => text.split('\n').sort();

/** `accepted` counts what both took. */
export async function compareSent(two: TwoSwitches, parts: Parts): Promise<Comparison> {
  const { version, sent, normal = (t) => t } = parts;
  const wire = version + 1;
  const differences = await compareRead(parts, two);
  two.ovs.appctl('time/stop');
  const [theirs, ours] = await Promise.all([two.theirs, two.ours].map((on) => Peer.open(`${on.dir}/br0.mgmt`, wire)));
  try {
    const messages = [...(parts.first ?? []), ...sent.map((s) => s.bytes)];
    await Promise.all([theirs.send(messages), ours.send(messages)]);
    sent.forEach(({ line, bytes }, i) => {
      const [a, b] = [theirs.errors.get(i + FIRST_XID), ours.errors.get(i + FIRST_XID)];
      if (a !== b) differences.push(`${line}\n  ovs  ${a}\n  weft ${b}\n${Buffer.from(bytes).toString('hex')}`);
    });
    differences.push(...unlike(await parts.dump(theirs), await parts.dump(ours), 'bytes'));
    for (const command of parts.shown) {
      const args = ['-O', `OpenFlow1${version}`, '--no-names', ...command];
      const [real, onWeft, byWeft] = (
        await Promise.all([
          run('ovs-ofctl', args, two.theirs),
          run('ovs-ofctl', args, two.ours),
          run(two.ofctl, args, two.theirs),
        ])
      ).map((r) => sorted(normal(r.out)));
      differences.push(...unlike(real, onWeft, 'ovs-ofctl on weft'));
      differences.push(...unlike(real, byWeft, 'weft ofctl on ovs-vswitchd'));
    }
    return { accepted: sent.length - theirs.errors.size, differences };
  } finally {
    theirs.close();
    ours.close();
  }
}
