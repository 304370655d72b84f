import type { Client } from './client.js';
import type { Command } from './context.js';

export async function dumpFeatures(_command: Command, _client: Client): Promise<void> {}
