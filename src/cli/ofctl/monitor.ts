/** monitor and snoop: print what comes until ended, on standard error as ovs-ofctl does. */
import { UserError } from '../../lib/errors.js';
import { encode, HEADER_BYTES, readHeader } from '../../openflow/message.js';
import { INVALID_TTL_TO_CONTROLLER } from '../../openflow/messages/basic.js';
import type { TextContext } from '../../openflow/text/context.js';
import { PACKET_IN_FORMATS } from '../../openflow/text/controller.js';
import { formatBytes } from '../../openflow/text/message.js';
import { Client, type Received } from './client.js';
import type { Command } from './context.js';
import { namesToShow } from './names.js';

const ECHO_REQUEST = 2;

function timestamp(): string {
  return `${new Date().toISOString().replace('T', ' ').replace('Z', '')}: `;
}

/** Gives a packet that waits back at once, and shows what is sent. */
function resume(command: Command, client: Client, r: Received, ctx: TextContext): void {
  if (r.message?.kind !== 'packet_in' || !r.message.value.continuation) return;
  const { userdata: _, ...value } = r.message.value;
  const bytes = encode('resume', value, { version: client.version, xid: 0 });
  command.io.err(`send: ${formatBytes(bytes, ctx)}`);
  client.connection.write(bytes);
}

interface Listening {
  readonly answersEcho: boolean;
  readonly resumes: boolean;
}

/** Until the switch hangs up or somebody says `exit`. */
async function printAll(command: Command, client: Client, how: Listening): Promise<void> {
  const names = await namesToShow(command, command.args[0]);
  const { Control } = await import('./control.js');
  const control = await Control.open(command, client);
  const ctx = { verbosity: command.settings.verbosity + 2, ...names };
  try {
    for (;;) {
      const r = await Promise.race([client.receive(), control.exited]);
      if (!r) return;
      await Promise.race([control.unblocked(), control.exited]);
      if (how.answersEcho && readHeader(r.bytes).type === ECHO_REQUEST) {
        client.connection.send('echo_reply', r.bytes.subarray(HEADER_BYTES), readHeader(r.bytes).xid);
        continue;
      }
      control.saw(r);
      const text = formatBytes(r.bytes, ctx);
      control.print(command.settings.timestamp ? `${timestamp()}${text}` : text);
      if (how.resumes) resume(command, client, r, ctx);
    }
  } finally {
    control.close();
  }
}

async function setMissLength(client: Client, missSendLen: number): Promise<void> {
  const { value } = await client.request('get_config_request', {}, 'get_config_reply');
  await client.tell('set_config', { ...value, missSendLen });
}

/** 1.0 to 1.2: packets whose TTL ran out come too. */
async function wantInvalidTtl(client: Client): Promise<void> {
  if (client.version >= 4) {
    throw new UserError(
      'invalid_ttl requires one of the OpenFlow versions OpenFlow10, OpenFlow11, OpenFlow12 but none is enabled (use -O)',
    );
  }
  const { value } = await client.request('get_config_request', {}, 'get_config_reply');
  await client.tell('set_config', { ...value, flags: value.flags | INVALID_TTL_TO_CONTROLLER });
  const after = await client.request('get_config_request', {}, 'get_config_reply');
  if (!(after.value.flags & INVALID_TTL_TO_CONTROLLER)) {
    throw new UserError("setting invalid_ttl_to_controller failed (this switch probably doesn't support this flag)");
  }
}

async function setPacketInFormat(command: Command, client: Client): Promise<void> {
  const wanted = command.settings.packetInFormat;
  if (wanted === undefined) {
    // The newest where the switch has it.
    await client.tryTell('set_packet_in_format', { format: PACKET_IN_FORMATS.length - 1 });
    return;
  }
  const name = wanted === 'openflow10' ? 'standard' : wanted === 'nxm' ? 'nxt_packet_in' : wanted;
  const format = PACKET_IN_FORMATS.indexOf(name as (typeof PACKET_IN_FORMATS)[number]);
  if (format < 0) throw new UserError(`unknown packet-in format \`${wanted}'`);
  await client.tell('set_packet_in_format', { format });
}

/** Does what --detach asks for; a number is the exit status of the process that was started. */
async function away(command: Command): Promise<number | undefined> {
  if (!command.settings.daemon.detach) return undefined;
  const { startAway } = await import('./control.js');
  return startAway(command.settings);
}

export async function monitor(command: Command): Promise<number> {
  const started = await away(command);
  if (started !== undefined) return started;
  const [target, ...rest] = command.args;
  if (command.settings.packetInFormat !== undefined) checkFormat(command.settings.packetInFormat);
  const client = await Client.open(command, target);
  let resumes = false;
  for (const arg of rest) {
    if (/^\d/.test(arg)) await setMissLength(client, Number.parseInt(arg, 10));
    else if (arg === 'invalid_ttl') await wantInvalidTtl(client);
    else if (arg === 'resume') {
      resumes = true;
      // So that packets come.
      await setMissLength(client, 0xffff);
    } else if (arg.startsWith('watch:')) {
      const { watch } = await import('./watch.js');
      await watch(command, client, arg.slice('watch:'.length));
    } else throw new UserError(`${arg}: unsupported "monitor" argument`);
  }
  await setPacketInFormat(command, client);
  await printAll(command, client, { answersEcho: true, resumes });
  return 0;
}

function checkFormat(name: string): void {
  if (!['openflow10', 'nxm', ...PACKET_IN_FORMATS].includes(name)) {
    throw new UserError(`unknown packet-in format \`${name}'`);
  }
}

export async function snoop(command: Command): Promise<number> {
  const started = await away(command);
  if (started !== undefined) return started;
  const client = await Client.open(command, command.args[0], undefined, 'snoop');
  await printAll(command, client, { answersEcho: false, resumes: false });
  return 0;
}
