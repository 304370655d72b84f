/** Two switches that were made alike by the same words to ovs-vsctl: Open vSwitch's and weft. Both have dummy ports only. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command as callControl, Unreachable } from '../../src/cli/control.js';
import { PROCESS } from '../../src/cli/streams.js';
import { UserError } from '../../src/lib/errors.js';
import { RealDatabase } from '../support/database.js';
import { LiveSwitch } from '../support/live.js';
import { RealOvs } from '../support/ovs.js';

const SET_UP = [
  'add-br br0 -- set bridge br0 datapath_type=netdev',
  'add-port br0 p1 -- set interface p1 type=dummy ofport_request=1',
  'add-port br0 p2 -- set interface p2 type=dummy ofport_request=2',
  'add-br br1 -- set bridge br1 datapath_type=netdev',
  'add-bond br1 bond0 b1 b2 bond_mode=active-backup bond_updelay=5 bond_downdelay=7',
  'set interface b1 type=dummy -- set interface b2 type=dummy',
  'set port bond0 other_config:bond-primary=b1',
].join(' -- ');

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

/** A command and its arguments. */
export type Ask = (words: readonly string[]) => Promise<Answer>;

/** Runs a program with the switch as the one that it finds. */
export type Run = (program: string, args: readonly string[]) => Ran;

export class World {
  readonly ovs = new RealOvs();
  readonly db = new RealDatabase();
  readonly weft: LiveSwitch;

  constructor(options: readonly string[] = []) {
    this.weft = new LiveSwitch([this.db.remote, '--enable-dummy=override', '-vconsole:off', ...options]);
  }

  /** What it says while it fails, or nothing. */
  async ready(): Promise<string> {
    if (!(await this.weft.ready())) return this.weft.output;
    return this.vsctl(...SET_UP.split(' '));
  }

  /** On both. What a program says when it fails. */
  vsctl(...words: string[]): string {
    const real = this.ovs.try('ovs-vsctl', [`--db=unix:${this.ovs.dir}/db.sock`, '--timeout=20', ...words]);
    const ours = this.db.vsctl(...words);
    return real.status !== 0 ? real.stderr : ours.status !== 0 ? ours.stderr : '';
  }

  onOvs: Run = (program, args) => {
    if (program !== 'weft') return this.ovs.try(program, args);
    return this.weft.runIn(this.ovs.dir, program, ...args);
  };

  onWeft: Run = (program, args) => this.weft.run(program, ...args);

  /** A command over the control socket, without a program in between. */
  askOvs: Ask = (words) => ask(this.ovs.dir, words);
  askWeft: Ask = (words) => ask(this.weft.dir, words);

  async close(): Promise<void> {
    await this.weft.close();
    this.db.close();
    this.ovs.close();
  }
}

async function ask(dir: string, [command, ...args]: readonly string[]): Promise<Answer> {
  try {
    return { ok: true, text: await callControl(undefined, command, args, PROCESS, dir) };
  } catch (e) {
    if (e instanceof UserError && !(e instanceof Unreachable)) return { ok: false, text: e.message };
    throw e;
  }
}

/** Numbers of datapath ports in text, by the switch's own dpctl/show: "{p1}" stands for each. */
export class PortNumbers {
  private readonly byName = new Map<string, string>();

  static async of(ask: Ask): Promise<PortNumbers> {
    const out = new PortNumbers();
    for (const m of (await ask(['dpctl/show'])).text.matchAll(/^ {2}port (\d+): (\S+)/gm)) out.byName.set(m[2], m[1]);
    return out;
  }

  /** Copies a folder of texts, filled. */
  fillFiles(from: string, to: string): void {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from)) {
      writeFileSync(join(to, name), this.fill(readFileSync(join(from, name), 'utf8')));
    }
  }

  fill(line: string): string {
    return line.replace(/\{(\w+)\}/g, (whole, name: string) => this.byName.get(name) ?? whole);
  }

  /** Numbers where a flow has them become names again. */
  unfill(text: string): string {
    let out = text;
    for (const [name, number] of this.byName) {
      out = out
        .replaceAll(`in_port(${number})`, `in_port({${name}})`)
        .replace(new RegExp(`(actions:(?:[^ ]*,)?)${number}(?=[,\\s])`, 'g'), `$1{${name}}`)
        .replace(new RegExp(`port ${number}\\b`, 'g'), `port {${name}}`);
    }
    return out;
  }
}
