import type { Client } from './client.js';
import type { Command } from './context.js';

export async function watch(_command: Command, _client: Client, _text: string): Promise<void> {}
