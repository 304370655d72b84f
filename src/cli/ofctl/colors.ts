/** Flows in colours, as ovs-ofctl has them on a terminal: what kind of word it is says which. */

const COLOR = {
  actions: '1;31',
  drop: '34',
  learn: '31',
  param: '36',
  paren: '35',
  special: '33',
  value: '32',
} as const;
type Kind = keyof typeof COLOR;

function paint(kind: Kind, text: string): string {
  return `\x1b[${COLOR[kind]}m\x1b[K${text}\x1b[m\x1b[K`;
}

/** Words that are not of the usual kind for where they stand. */
const KEYS: Readonly<Record<string, Kind>> = { actions: 'actions', table: 'special', priority: 'special' };
const ACTIONS: Readonly<Record<string, Kind>> = {
  load: 'special',
  move: 'special',
  output: 'special',
  set_field: 'special',
  push: 'special',
  pop: 'special',
  group: 'special',
};
const BARE: Readonly<Record<string, Kind>> = {
  drop: 'drop',
  exit: 'special',
  dec_ttl: 'paren',
  commit: 'value',
  strip_vlan: 'value',
  pop_vlan: 'value',
  pop_queue: 'value',
  dec_mpls_ttl: 'value',
  clear_actions: 'value',
  ct_clear: 'value',
};
const OPENING: Readonly<Record<string, Kind>> = { learn: 'learn', write_actions: 'actions' };
/** Are printed as they are. */
const PLAIN = /^(send_flow_rem|check_overlap|reset_counts|no_packet_counts|no_byte_counts|[A-Z_]+)$/;

const TOKEN = /([\w.]+\[[^\]]*\])=|([\w.]+)(=|:|\()|(->)|(\))|\b([a-z][a-z_0-9]*)\b/g;

/** A line of dump-flows. */
export function colored(line: string): string {
  const open: Kind[] = [];
  let inActions = false;
  let value = false;
  let last = 0;
  let out = '';
  for (const m of line.matchAll(TOKEN)) {
    const [text, field, word, sign, arrow, close, bare] = m;
    const between = line.slice(last, m.index);
    // What stands right behind a key is its value, which has no colour; behind a comma or a space something new begins.
    if (/[,\s]/.test(between)) value = false;
    out += between;
    last = m.index + text.length;
    if (field !== undefined) {
      out += `${paint('param', field)}${paint('param', '=')}`;
      value = true;
    } else if (word !== undefined && value && sign !== '(') out += text;
    else if (sign === '(') {
      const kind = OPENING[word] ?? 'paren';
      open.push(kind);
      out += paint(kind, text);
      value = false;
    } else if (sign === '=' || (sign === ':' && inActions && !/^[A-Z]/.test(word))) {
      out += paint((sign === '=' ? KEYS[word] : ACTIONS[word]) ?? 'param', text);
      value = word !== 'actions';
      inActions ||= word === 'actions';
    } else if (arrow !== undefined) out += paint('special', text);
    else if (close !== undefined) {
      out += paint(open.pop() ?? 'paren', text);
      value = false;
    } else if (bare !== undefined && !value && !PLAIN.test(bare) && (inActions ? bare in BARE : open.length === 0)) {
      out += paint(inActions ? BARE[bare] : 'value', bare);
    } else out += text;
  }
  return out + line.slice(last);
}
