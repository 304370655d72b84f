/** Bytes to and from the real ovs-ofctl: it prints messages of ours, and sends its own to a socket of ours. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { get16, put16, put32 } from '../../lib/bytes.js';
import { ovsOfctl } from './ovs-tool.js';

/** 'nxm' and 'of10' are both OpenFlow 1.0; the others are wire versions. */
export type Dialect = 'nxm' | 'of10' | 4 | 6;

function padTo8(n: number): number {
  return (n + 7) & ~7;
}

/** A flow_mod that adds a flow with a match and no actions. */
export function flowModBytes(match: Uint8Array, dialect: Dialect): Uint8Array {
  const version = typeof dialect === 'number' ? dialect : 1;
  const fixed = dialect === 'of10' ? 8 : dialect === 'nxm' ? 48 : 48 + 4;
  const tail = dialect === 'of10' ? 24 : 0;
  const matchEnd =
    dialect === 'of10' ? 8 + 40 : dialect === 'nxm' ? 48 + padTo8(match.length) : 48 + padTo8(match.length + 4);
  const b = new Uint8Array(matchEnd + tail);
  b[0] = version;
  b[1] = dialect === 'nxm' ? 4 : 14;
  put16(b, 2, b.length);
  b.set(match, fixed);
  if (dialect === 'of10') {
    put16(b, 48 + 14, 0x8000);
    put32(b, 48 + 16, 0xffffffff);
    put16(b, 48 + 20, 0xffff);
  } else if (dialect === 'nxm') {
    put32(b, 8, 0x2320);
    put32(b, 12, 13);
    put16(b, 30, 0x8000);
    put32(b, 32, 0xffffffff);
    put16(b, 36, 0xffff);
    put16(b, 40, match.length);
  } else {
    put16(b, 30, 0x8000);
    for (const at of [32, 36, 40]) put32(b, at, 0xffffffff);
    put16(b, 48, 1);
    put16(b, 50, match.length + 4);
  }
  return b;
}

/** The match inside a flow_mod of the same form. */
export function matchOfFlowMod(b: Uint8Array, dialect: Dialect): Uint8Array {
  if (dialect === 'of10') return b.subarray(8, 48);
  if (dialect === 'nxm') return b.subarray(48, 48 + get16(b, 40));
  return b.subarray(52, 48 + get16(b, 50));
}

/** What ovs-ofctl prints of the matches in flow_mods: "priority=...,fields", or the whole line when it is no plain answer. */
export function ovsPrintFlowMods(messages: readonly Uint8Array[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'weft-wire-'));
  try {
    const file = join(dir, 'messages');
    writeFileSync(file, Buffer.concat(messages));
    return ovsOfctl(['ofp-parse', file])
      .filter((line) => line.includes('FLOW_MOD'))
      .map((line) => /ADD (?:table:255 )?(.*?) ?actions=drop$/.exec(line)?.[1] ?? line);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** The flow_mods that `ovs-ofctl add-flows` sends for these flows. */
export async function ovsSentFlowMods(flows: readonly string[], dialect: Dialect): Promise<Uint8Array[]> {
  const dir = mkdtempSync(join(tmpdir(), 'weft-sent-'));
  const file = join(dir, 'flows.txt');
  writeFileSync(file, `${flows.map((f) => `${f}${f ? ',' : ''}actions=drop`).join('\n')}\n`);
  const version = typeof dialect === 'number' ? dialect : 1;
  const sent: Uint8Array[] = [];
  const server = createServer((socket) => {
    let pending = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 8 && pending.length >= pending.readUInt16BE(2)) {
        const m = pending.subarray(0, pending.readUInt16BE(2));
        pending = pending.subarray(m.length);
        const reply = (type: number): boolean =>
          socket.write(Uint8Array.of(version, type, 0, 8, m[4], m[5], m[6], m[7]));
        const barrier = version === 1 ? 18 : 20;
        if (m[1] === 0) reply(0);
        else if (m[1] === 2) reply(3);
        else if (m[1] === barrier) reply(barrier + 1);
        else if (m[1] === 14 || (m[1] === 4 && m.readUInt32BE(12) === 13)) sent.push(Uint8Array.from(m));
      }
    });
  });
  const path = join(dir, 'sock');
  try {
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const format = { nxm: 'NXM-table_id', of10: 'OpenFlow10-table_id', 4: 'OXM-OpenFlow13', 6: 'OXM-OpenFlow15' }[
      dialect
    ];
    const protocol = { 1: 'OpenFlow10', 4: 'OpenFlow13', 6: 'OpenFlow15' }[version];
    const child = spawn('ovs-ofctl', [
      '-O',
      `${protocol}`,
      '-F',
      format,
      '--no-names',
      'add-flows',
      `unix:${path}`,
      file,
    ]);
    await new Promise((resolve) => child.on('close', resolve));
    return sent;
  } finally {
    server.close();
    rmSync(dir, { recursive: true });
  }
}
