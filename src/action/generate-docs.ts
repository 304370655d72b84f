/** Writes docs/actions.md. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { actionsPage } from './docs.js';

const docs = new URL('../../../docs/', import.meta.url);
mkdirSync(fileURLToPath(docs), { recursive: true });
writeFileSync(fileURLToPath(new URL('actions.md', docs)), actionsPage());
