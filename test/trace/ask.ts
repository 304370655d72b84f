/** The same question to both switches; a fault is an answer. */
import { UserError } from '../../src/lib/errors.js';
import { traceCommand, tracePacketOutCommand } from '../../src/switch/commands/trace-command.js';
import type { Core } from '../../src/switch/core.js';
import type { Judge } from '../ovs/judge.js';
import type { Candidate } from './candidate.js';
import type { Question } from './questions.js';

type Command = (core: Core, args: readonly string[]) => string;

const OURS: Readonly<Record<Question['command'], Command>> = {
  'ofproto/trace': traceCommand,
  'ofproto/trace-packet-out': tracePacketOutCommand,
};

export async function ask(judge: Judge, { command, args }: Question): Promise<string> {
  try {
    return await judge.call(command, ...args);
  } catch (e) {
    if (await judge.isGone()) throw e;
    return `error: ${(e as Error).message}`;
  }
}

export function answer(candidate: Candidate, { command, args }: Question): string {
  try {
    return OURS[command](candidate.core, args);
  } catch (e) {
    if (e instanceof UserError) return `error: ${e.message}`;
    throw e;
  }
}
