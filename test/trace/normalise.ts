/** What is not the same in two switches though both are right, made the same. */

/** Numbers under which later passes are known: each switch counts its own. The first that is met is 1. */
function numberPasses(text: string): string {
  const met = new Map<string, number>();
  return text.replace(
    /(recirc\(|recirc_id[=(]|continuation=\d,recirc_id=)(0x[0-9a-f]+|\d+)/g,
    (_, word: string, n: string) => {
      const id = Number(n);
      if (id === 0) return `${word}0`;
      const known = met.get(String(id)) ?? met.size + 1;
      met.set(String(id), known);
      return `${word}#${known}`;
    },
  );
}

/** OVS shows them, always zero, of what was inside of NSH. */
const NO_CONNECTION = /^(Final flow: .*?)(ct_nw_src=0\.0\.0\.0,ct_nw_dst=0\.0\.0\.0|ct_ipv6_src=::,ct_ipv6_dst=::),/gm;

export function normalise(text: string): string {
  return numberPasses(text).replace(NO_CONNECTION, '$1');
}

/** Datapath ports and meters of weft by the numbers that they have in OVS: ports are one higher and LOCAL is 1, not 100; meters begin with 1, not 0. */
export function renumber(text: string): string {
  return text.replace(/^Datapath actions: .*$/gm, (line) =>
    line.replace(/(^Datapath actions: |[(,])(\d+)(?=[,)]|$)/g, (all, before: string, n: string, at: number) => {
      const within = line.slice(0, at);
      if (/\b(recirc|trunc|skb_priority|skb_mark|hash|l4|sym_l4)$/.test(within)) return all;
      if (/\bmeter$/.test(within)) return `${before}${Number(n) - 1}`;
      return `${before}${n === '1' ? 100 : Number(n) - 1}`;
    }),
  );
}

/** Without the numbers: what is left to do at two places may be the same, and have one or two. */
export function withoutNumbers(text: string): string {
  return text.replace(/#\d+/g, '#');
}

/** Where OVS would do wrong (docs/compatibility.md): what of a text tells, and why. */
const BEYOND: readonly (readonly [RegExp, string])[] = [
  [/-> more VLAN tags than a flow key holds/, 'a third VLAN tag'],
  [/-> this goes on in a later pass/, 'a copy that waits'],
  [/set\(arp\([^)]*op=65535/, 'ARP operation 255'],
  [/-> the tag of the frame is inside/, 'a tag inside a frame of labels'],
  [/-> labels of the frame are inside/, 'labels inside a frame of labels'],
  [/-> what the label covered is looked at in a later pass/, 'a choice by what a label covers'],
  [/-> what these labels covered is looked at in a later pass/, 'what several labels cover'],
  [/-> the tag under the priority tag stays/, 'a tag under a priority tag into an access port'],
  [/>>>> bucket chaining exceeded \d+ links <<<</, 'a group that watches itself'],
];

export function beyondOvs(text: string): string | undefined {
  return BEYOND.find(([sign]) => sign.test(text))?.[1];
}
