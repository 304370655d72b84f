import { readFileSync } from 'node:fs';
import { DEFAULT_DESCRIPTION } from '../openflow/server/state.js';

/** Every program of the launcher, one row each. A test checks that the file of each exists. */
export const PROGRAMS: readonly (readonly [string, string])[] = [
  ['switchd', 'run a switch'],
  ['ofctl', 'ask and change a switch over OpenFlow (ovs-ofctl)'],
  ['vsctl', 'show and change the configuration in the database (ovs-vsctl)'],
  ['ovsdb-client', 'ask and change an OVSDB server (ovsdb-client)'],
  ['ovsdb-server', 'serve OVSDB databases (ovsdb-server)'],
  ['appctl', 'give a command to the running switch (ovs-appctl)'],
  ['dpctl', 'show the datapath: ports, flows (ovs-dpctl)'],
  ['pktgen', 'send and measure test traffic'],
  ['bench', 'measure the switch on this machine'],
  ['completion', 'what a shell needs to complete command lines of weft'],
  ['compat', "a folder with the names of Open vSwitch's programs, to put first in PATH"],
  ['demo', 'two switches, four hosts, real traffic, explained'],
];

export function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const found = /"version":\s*"([^"]+)"/.exec(text);
  return found ? found[1] : 'unknown';
}

/** Scripts look here for the release of Open vSwitch whose ways they may count on. */
export function versionText(program: string): string {
  return `${program} (Open vSwitch) ${DEFAULT_DESCRIPTION.software}\nweft ${version()}\n`;
}

export function usage(): string {
  const width = Math.max(...PROGRAMS.map(([n]) => n.length));
  return (
    'weft: a userspace OpenFlow virtual switch\nusage: weft COMMAND [ARG...]\n\n' +
    PROGRAMS.map(([name, what]) => `  ${name.padEnd(width)}  ${what}\n`).join('') +
    '\nweft COMMAND --help tells more.\n'
  );
}
