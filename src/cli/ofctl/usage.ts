import type { Command } from './context.js';

export function usage(program: string): string {
  return `${program}: asks and changes an OpenFlow switch
usage: ${program} [OPTIONS] COMMAND [ARG...]

SWITCH is the name of a bridge, the path of a socket, unix:FILE or tcp:HOST[:PORT].

The switch:
  show SWITCH                     features, ports and configuration
  dump-desc SWITCH                description
  dump-tables SWITCH              table statistics
  dump-table-features SWITCH      table features (OpenFlow 1.3 and later)
  get-frags SWITCH                how IP fragments are treated
  set-frags SWITCH MODE           normal, drop, reassemble or nx-match

Ports:
  dump-ports SWITCH [PORT]        counters
  dump-ports-desc SWITCH [PORT]   descriptions
  mod-port SWITCH PORT ACTION     up, down, [no-]flood, [no-]receive, [no-]forward, [no-]packet-in
  queue-stats SWITCH [PORT [QUEUE]], queue-get-config SWITCH [PORT]

Flows:
  dump-flows SWITCH [FLOW]        flows that match FLOW, or all
  dump-aggregate SWITCH [FLOW]    their sum
  add-flow SWITCH FLOW            add a flow
  add-flows SWITCH FILE           flows from a file, "-" is standard input
  mod-flows SWITCH FLOW           change the actions of flows
  del-flows SWITCH [FLOW]         delete flows
  replace-flows SWITCH FILE       make the flows those of a file
  diff-flows SOURCE1 SOURCE2      compare flows of switches or files

Groups and meters:
  add-group, mod-group [--may-create], del-groups, insert-buckets, remove-buckets SWITCH GROUP
  add-groups SWITCH FILE, dump-groups, dump-group-stats SWITCH [GROUP], dump-group-features SWITCH
  add-meter, mod-meter, del-meter SWITCH METER, del-meters, dump-meters, meter-stats, meter-features SWITCH

Packets:
  packet-out SWITCH "in_port=PORT packet=HEX actions=..."
  monitor SWITCH [MISSLEN] [invalid_ttl] [watch:...]
  snoop SWITCH                    what a controller and the switch say

Connections:
  probe TARGET, ping TARGET [N], benchmark TARGET N COUNT

Without a switch:
  ofp-print HEX [VERBOSITY], ofp-parse FILE, parse-flow FLOW, parse-flows FILE

Options:
  -O, --protocols=VERSIONS        OpenFlow10 (default) to OpenFlow15, separated by commas
  -F, --flow-format=FORMAT        OpenFlow10 or NXM
  -P, --packet-in-format=FORMAT   standard, nxt_packet_in or nxt_packet_in2
  --strict                        match and priority must be the same
  --bundle                        all flows or none
  --read-only                     refuse commands that change the switch
  --readd                         replace flows that have not changed
  --sort[=FIELD], --rsort[=FIELD] order of dump-flows
  --names, --no-names             names or numbers of ports and tables
  --no-stats                      dump-flows without counters
  -m, --more                      more detail
  --timestamp                     monitor and snoop print times
  --detach --no-chdir --pidfile[=FILE] --unixctl=SOCKET   monitor and snoop in the background, controlled by ovs-appctl
  -t, --timeout=SECONDS           give up after that
  -h, --help                      this
  -V, --version                   version
`;
}

export async function help({ io, settings }: Command): Promise<void> {
  io.out(usage(settings.program));
}
