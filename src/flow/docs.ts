/** docs/fields.md, written from the rows: `npm run generate`. */
import type { FieldRow } from './field.js';
import { FIELDS } from './fields.js';
import { PREREQ_WORDS } from './prereqs.js';

const MASKS: Readonly<Record<FieldRow['maskable'], string>> = {
  no: 'no',
  arbitrary: 'yes',
  cidr_or_arbitrary: 'yes, also "/24"',
};

function line(f: FieldRow, name = f.name): string {
  const ids = f.ids.map((id) => `${id.name} (${id.field})`).join(', ') || 'none';
  const cells = [
    `\`${name}\``,
    f.aliases.map((a) => `\`${a}\``).join(', '),
    f.tunMetadata === undefined ? String(f.bits) : 'by the TLV map',
    f.format,
    MASKS[f.maskable],
    f.writable ? 'read/write' : 'read',
    PREREQ_WORDS[f.prereqs],
    ids,
    f.doc,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Numbered fields of one kind (reg0 to reg15) are one line. */
function lines(): string[] {
  const out: string[] = [];
  for (const f of FIELDS) {
    const m = /^(reg|xreg|xxreg|tun_metadata)(\d+)$/.exec(f.name);
    if (!m) out.push(line(f));
    else if (m[2] === '0') {
      const last = FIELDS.filter((x) => x.name.replace(/\d+$/, '') === m[1]).length - 1;
      const ids = f.ids.map((id) => ({ ...id, name: `${id.name}, and so on` }));
      out.push(line({ ...f, ids }, `${m[1]}0 to ${m[1]}${last}`));
    }
  }
  return out;
}

export function fieldsPage(): string {
  return `# Fields

Written from the rows in \`src/flow/rows\` by \`npm run generate\`; a test holds it to them.

A field is matched as \`name=value\` or \`name=value/mask\`, and some of its bits as \`name[0..3]=value\`. It exists in a packet, and may be matched,
when its prerequisites hold. The words \`eth\`, \`ip\`, \`ipv6\`, \`tcp\`, \`udp\`, \`sctp\`, \`icmp\`, \`tcp6\`, \`udp6\`, \`sctp6\`, \`icmp6\`, \`arp\`, \`rarp\`, \`mpls\` and
\`mplsm\` stand for the types and protocols that they name.

| name | also | bits | format | mask | access | prerequisites | code points | meaning |
|---|---|---|---|---|---|---|---|---|
${lines().join('\n')}
`;
}
