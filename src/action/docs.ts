/** docs/actions.md, written from the rows: `npm run generate`. */
import type { ActionRow, WireForm } from './row.js';
import { ALL_ROWS } from './rows/index.js';

const VERSIONS = ['', '1.0', '1.1', '1.2', '1.3', '1.4', '1.5'];
const SPACES = { of: 'OpenFlow', nx: 'Nicira', onf: 'ONF' } as const;

function versions(f: WireForm): string {
  if (f.from === 1 && f.to === 6) return 'all versions';
  if (f.from === f.to) return VERSIONS[f.from];
  return f.to === 6 ? `${VERSIONS[f.from]} and later` : `${VERSIONS[f.from]} to ${VERSIONS[f.to]}`;
}

function wire(row: ActionRow): string {
  if (row.instruction) return `instruction${row.forms.length > 0 ? `; ${forms(row)}` : ''}`;
  return forms(row);
}

function forms(row: ActionRow): string {
  return row.forms.map((f) => `${SPACES[f.space]} ${f.number} (${versions(f)})`).join(', ');
}

const SET_PLACE = { slot: 'one of its kind', sequence: 'in the order written', final: 'last' } as const;

function section(row: ActionRow): string {
  const lines = [`## ${row.type}`, '', row.doc, '', '```', ...row.syntax, '```', '', `On the wire: ${wire(row)}.`];
  lines.push(row.set ? `In an action set: ${SET_PLACE[row.set]}.` : 'Not allowed in an action set.');
  return lines.join('\n');
}

export function actionsPage(): string {
  return `# Actions

Written from the rows in \`src/action/rows\` by \`npm run generate\`; a test holds it to them. The syntax and the meaning are those of ovs-actions(7).
Several names under one heading are forms of one action. Actions are listed as they are executed; \`drop\` is the empty list.

${ALL_ROWS.map(section).join('\n\n')}
`;
}
