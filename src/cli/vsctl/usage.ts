/** What --help, --commands and --options print. */
import type { Command } from './command.js';

export function usage(program: string): string {
  return `${program}: changes and shows the configuration of the switch in its database
usage: ${program} [OPTIONS] COMMAND [ARG...] [-- COMMAND [ARG...]]...

Switch:
  init                        make the database's first row, where it is empty
  show                        an overview
  emer-reset                  forget controllers, managers, mirrors, other_config

Bridges:
  add-br BRIDGE               a new bridge
  add-br BRIDGE PARENT VLAN   a bridge that stands for a VLAN of PARENT
  del-br BRIDGE               remove a bridge and its ports
  list-br                     names of bridges
  br-exists BRIDGE            exit status 2 if there is no such bridge
  br-to-vlan BRIDGE           VLAN of a bridge, 0 for a real one
  br-to-parent BRIDGE         parent of a bridge, itself for a real one
  br-set-external-id BRIDGE KEY [VALUE]
  br-get-external-id BRIDGE [KEY]

Ports and bonds:
  list-ports BRIDGE           names of ports
  add-port BRIDGE PORT [COLUMN[:KEY]=VALUE]...
  add-bond BRIDGE PORT IFACE... [COLUMN[:KEY]=VALUE]...
  add-bond-iface BOND IFACE
  del-bond-iface [BOND] IFACE
  del-port [BRIDGE] PORT
  port-to-br PORT             the bridge that has PORT

Interfaces:
  list-ifaces BRIDGE
  iface-to-br IFACE

Controllers, managers, SSL:
  get-controller BRIDGE       del-controller BRIDGE
  [--inactivity-probe=MSECS] set-controller BRIDGE TARGET...
  get-fail-mode BRIDGE        del-fail-mode BRIDGE
  set-fail-mode BRIDGE standalone|secure
  get-manager                 del-manager
  [--inactivity-probe=MSECS] set-manager TARGET...
  get-ssl                     del-ssl
  [--bootstrap] set-ssl PRIVATE-KEY CERTIFICATE CA-CERT

Datapaths, Auto-Attach:
  add-zone-tp DATAPATH zone=ID KEY=SECONDS...   del-zone-tp DATAPATH zone=ID
  list-zone-tp DATAPATH       list-dp-cap DATAPATH
  add-aa-mapping BRIDGE I-SID VLAN   del-aa-mapping BRIDGE I-SID VLAN
  get-aa-mapping BRIDGE

Any table:
  list TABLE [RECORD]...      find TABLE [CONDITION]...
  get TABLE RECORD [COLUMN[:KEY]]...
  set TABLE RECORD COLUMN[:KEY]=VALUE...
  add TABLE RECORD COLUMN [KEY=]VALUE...
  remove TABLE RECORD COLUMN KEY|VALUE|KEY=VALUE...
  clear TABLE RECORD COLUMN...
  create TABLE COLUMN[:KEY]=VALUE...
  destroy TABLE RECORD...
  wait-until TABLE RECORD [COLUMN[:KEY]=VALUE]...

Options:
  --db=REMOTE                 the database (unix:RUNDIR/db.sock)
  --no-wait                   do not wait for the switch to follow
  --retry                     try to connect for ever
  -t, --timeout=SECS          give up after SECS seconds
  --dry-run                   change nothing
  --oneline                   one line of output a command
  -f, --format=table|list|html|csv|json   -d, --data=string|bare|json
  --no-headings  --pretty  --bare  --max-column-width=N
  -p, --private-key=FILE  -c, --certificate=FILE  -C, --ca-cert=FILE
  -h, --help  -V, --version
`;
}

/** "[--may-exist] ,add-br,!NEW-BRIDGE ?PARENT ?NEW-VLAN": for completion in shells. */
export function commandLine({ name, options = [], usage: args = '' }: Command): string {
  return `${options.map((o) => `[${o}] `).join('')},${name},${args}`;
}
