/**
 * The real ovs-ofctl as a judge of text and bytes. It needs no switch to parse; to get at the bytes it sends, a stub stands in
 * for one: it greets, answers barriers, and keeps every flow_mod.
 */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why the tests that need it cannot run here, or undefined when they can. */
export function ofctlMissing(): string | undefined {
  const r = spawnSync('ovs-ofctl', ['--version'], { encoding: 'utf8' });
  return r.error || r.status !== 0 ? 'ovs-ofctl is not installed' : undefined;
}

function run(args: string[], input: string): SpawnSyncReturns<string> {
  return spawnSync('ovs-ofctl', args, {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, OVS_LOGDIR: tmpdir() },
  });
}

const VERSION_NAMES = ['', 'OpenFlow10', 'OpenFlow11', 'OpenFlow12', 'OpenFlow13', 'OpenFlow14', 'OpenFlow15'];

export interface Verdict {
  /** Text of the actions, or undefined when refused. */
  readonly text?: string;
  /** Name of the OpenFlow error. */
  readonly error?: string;
  /** Encoded again they would be other bytes, in hex; undefined where they would be the same. */
  readonly again?: string;
}

/** What ovs-ofctl makes of lists of actions (or instructions) in bytes. None may be empty: the tool skips empty lines. */
export function judgeBytes(version: number, lists: readonly Uint8Array[], kind: 'actions' | 'instructions'): Verdict[] {
  const input = lists.map((b) => `${Buffer.from(b).toString('hex')}\n`).join('');
  const out = run([`parse-${kind}`, VERSION_NAMES[version]], input).stdout;
  const verdicts: Verdict[] = [];
  for (const block of out.split(/\n\n/)) {
    if (block.trim() === '') continue;
    const bad = /^bad \S+ \S+: (\S+)/m.exec(block);
    const text = /^actions=(.*)$/m.exec(block);
    const again = [...block.matchAll(/^.*-> ([0-9a-f]{2}|\(none\))$/gm)];
    if (bad) verdicts.push({ error: bad[1] });
    else if (text) verdicts.push({ text: text[1], ...(again.length > 0 ? { again: block } : {}) });
  }
  return verdicts;
}

/** The tool gives up after so many seconds: a test never hangs on it. */
const PATIENCE = ['--timeout=20'];

/** What parse-flow says to one flow: the fault, or undefined. */
export function faultOf(flow: string, version?: number): string | undefined {
  const r = run([...(version ? ['-O', VERSION_NAMES[version]] : []), 'parse-flows', '-'], `${flow}\n`);
  const m = /^ovs-ofctl: -:1: (.*)$/m.exec(r.stderr);
  return m?.[1];
}

/** Text that ovs-ofctl prints for flows after encoding them for a version and reading them back; all must be sound. */
export function textOf(flows: readonly string[], version: number): string[] {
  const r = run(['-O', VERSION_NAMES[version], 'parse-flows', '-'], flows.map((f) => `${f}\n`).join(''));
  return [...r.stdout.matchAll(/^\w+ (?:\(\S+\) )?\(xid=0x[0-9a-f]+\): (.*)$/gm)].map((m) => m[1]);
}

class Stub {
  readonly flowMods: Uint8Array[] = [];
  private readonly server: Server;
  readonly dir = mkdtempSync(join(tmpdir(), 'weft-ofctl-'));
  readonly path = join(this.dir, 'br.mgmt');

  constructor(private readonly version: number) {
    this.server = createServer((socket) => this.serve(socket));
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(this.path, resolve));
  }

  close(): void {
    this.server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private serve(socket: Socket): void {
    let buf = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.write(Buffer.from([this.version, 0, 0, 8, 0, 0, 0, 0]));
    socket.on('data', (data) => {
      buf = Buffer.concat([buf, data]);
      while (buf.length >= 8 && buf.length >= buf.readUInt16BE(2)) {
        const length = buf.readUInt16BE(2);
        this.message(socket, buf.subarray(0, length));
        buf = buf.subarray(length);
      }
    });
  }

  private message(socket: Socket, m: Buffer): void {
    const barrier = this.version === 1 ? 18 : 20;
    const isNxFlowMod = m[1] === 4 && m.length >= 16 && m.readUInt32BE(8) === 0x2320 && m.readUInt32BE(12) === 13;
    if (m[1] === 14 || isNxFlowMod) this.flowMods.push(new Uint8Array(m));
    else if (m[1] === barrier) socket.write(Buffer.from([m[0], barrier + 1, 0, 8, ...m.subarray(4, 8)]));
  }
}

/** Where the actions or instructions of a flow_mod start. */
function actionsOffset(m: Uint8Array): number {
  const v = new DataView(m.buffer, m.byteOffset, m.length);
  if (m[0] === 1) return m[1] === 14 ? 72 : 48 + Math.ceil(v.getUint16(40) / 8) * 8;
  if (m[0] === 2) return 136;
  return 48 + Math.ceil(v.getUint16(50) / 8) * 8;
}

/** The bytes of the actions (1.0) or instructions (later) that ovs-ofctl sends for each flow. Throws with its words when one is refused. */
export async function bytesOf(flows: readonly string[], version: number): Promise<Uint8Array[]> {
  const stub = new Stub(version);
  await stub.listen();
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn('ovs-ofctl', [
        ...PATIENCE,
        '--no-names',
        '-O',
        VERSION_NAMES[version],
        'add-flows',
        `unix:${stub.path}`,
        '-',
      ]);
      let err = '';
      child.stderr.on('data', (d) => {
        err += d;
      });
      child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(err))));
      child.stdin.on('error', () => {});
      child.stdin.end(flows.map((f) => `${f}\n`).join(''));
    });
  } finally {
    stub.close();
  }
  return stub.flowMods.map((m) => m.subarray(actionsOffset(m)));
}
