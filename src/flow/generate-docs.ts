/** Writes docs/fields.md. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fieldsPage } from './docs.js';

const docs = new URL('../../../docs/', import.meta.url);
mkdirSync(fileURLToPath(docs), { recursive: true });
writeFileSync(fileURLToPath(new URL('fields.md', docs)), fieldsPage());
