/** The demo's script: what is tried, what must come of it, and what a newcomer is shown. */
import { formatActions } from '../../action/list.js';
import { flowModFromText, formatRule } from '../../bridge/flow-text.js';
import { DROP_REASONS } from '../../datapath/drop-reasons.js';
import { OFPP } from '../../flow/field.js';
import { formatMatch } from '../../flow/format-match.js';
import { expand } from '../../flow/match.js';
import { build, eth, ip4, tcpLayer } from '../../packet/build.js';
import { extract } from '../../packet/extract.js';
import { DP_KEY_BYTES } from '../../packet/key.js';
import { printFrame } from '../../packet/print.js';
import { datapathFlowLines } from '../../switch/datapath-text.js';
import type { Tracer } from '../../upcall/translation.js';
import { until } from '../lab/netlab.js';
import { DENIED_PORT, type DemoHost, GATEWAY_MAC, gateway, HOSTS } from './network.js';
import { type DemoSwitch, Stage, VNI } from './stage.js';

const say = (text = '') => process.stdout.write(`${text}\n`);
const title = (text: string) => say(`\n── ${text} ${'─'.repeat(Math.max(3, 96 - text.length))}`);
/** Ethernet, IPv4, UDP and VXLAN. */
const VXLAN_HEADERS = 50;
const indent = (lines: readonly string[]) => lines.map((l) => `  ${l}`).join('\n');

/** Counts what failed; each check is a line. */
class Checks {
  failed = 0;

  line(ok: boolean, text: string): void {
    if (!ok) this.failed++;
    say(`  ${ok ? 'ok  ' : 'FAIL'} ${text}`);
  }
}

export async function show(): Promise<number> {
  const stage = new Stage();
  const checks = new Checks();
  const stop = (): void => {
    void stage.close().finally(() => process.exit(130));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await stage.build((text) => say(`  (${text})`));
    network();
    const [h1, h2, h3, h4] = HOSTS;
    const [s1] = stage.switches;
    title('Flows of s1 (the syntax is that of ovs-ofctl)');
    for (const r of await rulesOf(s1)) say(`  ${r}`);
    title('Ping within a VLAN across the trunk, and between VLANs through the routing table');
    await settled(stage, h1, h3);
    for (const [a, b] of [
      [h1, h3],
      [h2, h4],
      [h1, h2],
      [h1, h4],
    ]) {
      const p = await stage.ping(a, b, 10);
      checks.line(
        p.received === 10,
        `ping ${a.name} → ${b.name} (${b.ip}): ${p.received} of 10, average ${p.averageMs} ms`,
      );
    }
    encapsulated(stage, checks);
    title('TCP');
    for (const [a, b] of [
      [h1, h3],
      [h1, h4],
    ]) {
      const rate = await stage.tcp(a, b, 5001, 2);
      checks.line(rate > 0.1, `TCP ${a.name} → ${b.name}: ${rate.toFixed(2)} Gbit/s`);
    }
    const denied = await stage.tryTcp(h1, h4, DENIED_PORT, 1000);
    checks.line(
      denied === 'silent',
      `TCP ${h1.name} → ${h4.name} port ${DENIED_PORT} is denied by table 1: the connection stays ${denied}`,
    );
    title('The first packet of h1 → h4, table by table in s1');
    trace(s1, h1, h4, 80);
    title(`The denied packet, h1 → h4 port ${DENIED_PORT}`);
    trace(s1, h1, h4, DENIED_PORT);
    title('What the fast path of s1 remembers (megaflows, as ovs-appctl dpctl/dump-flows writes them)');
    s1.daemon.core.upkeep();
    say(indent(datapathFlowLines(s1.daemon.core, false, true)));
    title('Counters');
    const hits = s1.daemon.driver.workerCounters(0);
    say(
      `  s1: ${hits.packets} packets: ${hits.microflow_hits} microflow hits, ${hits.megaflow_hits} megaflow hits, ${hits.misses} went up to the pipeline`,
    );
    counters(stage, checks);
  } catch (e) {
    checks.line(false, e instanceof Error ? (e.stack ?? e.message) : String(e));
  } finally {
    await stage.close();
  }
  say(checks.failed === 0 ? '\nAll of it worked.' : `\n${checks.failed} of it did not work.`);
  return checks.failed === 0 ? 0 : 1;
}

function network(): void {
  title('The network: two switches, joined by a VXLAN tunnel that carries both VLANs tagged');
  for (const h of HOSTS)
    say(
      `  ${h.name}  ${h.ip.padEnd(10)} ${h.mac}  VLAN ${h.vlan}, port ${h.port} of ${h.sw}; gateway ${gateway(h.vlan)}`,
    );
}

/** One of the frames on the wire, from outside to inside. */
function encapsulated(stage: Stage, checks: Checks): void {
  title('On the wire between the switches');
  const [s1] = stage.switches;
  const frames = stage.captured(s1).map((f) => ({ outer: f, inner: f.subarray(VXLAN_HEADERS) }));
  const isPing = ({ inner }: { inner: Uint8Array }): boolean =>
    /ICMP/i.test(inner.length < 34 ? '' : printFrame(inner));
  const shown = frames.find(isPing) ?? frames[0];
  checks.line(shown !== undefined, `${frames.length} frames left s1 by the tunnel, VNI ${VNI}; one of them:`);
  if (!shown) return;
  say(`  outside: ${printFrame(shown.outer)}`);
  say(`  inside:  ${printFrame(shown.inner)}`);
}

async function rulesOf(s: DemoSwitch): Promise<string[]> {
  s.daemon.core.upkeep();
  return [...s.bridge.flows(flowModFromText('', 'delete', () => undefined))]
    .sort((a, b) => a.table - b.table || b.priority - a.priority)
    .map((r) =>
      formatRule(r, s.bridge.now())
        .trim()
        .replace(/cookie=\S+ duration=\S+ /, '')
        .replace(/n_packets=0, n_bytes=0, /, ''),
    );
}

/** Neighbours know each other after the first answer. */
async function settled(stage: Stage, a: DemoHost, b: DemoHost): Promise<void> {
  await until(async () => (await stage.ping(a, b, 1)).received === 1, 5000);
}

function trace(s: DemoSwitch, from: DemoHost, to: DemoHost, port: number): void {
  const frame = build([
    eth({ dst: GATEWAY_MAC, src: from.mac }),
    ip4({ src: from.ip, dst: to.ip }),
    tcpLayer({ src: 40000, dst: port, flags: 2 }),
  ]);
  say(`  ${printFrame(frame)}`);
  const key = new Uint8Array(DP_KEY_BYTES);
  extract(frame, key, 1);
  const at = s.bridge.port(from.port);
  if (!at) return;
  new DataView(key.buffer).setUint32(0, at.vport);
  let depth = 0;
  const pad = () => '    '.repeat(depth);
  const tracer: Tracer = {
    bridge: (view) => {
      if (view === s.bridge) return;
      say(`  ${pad()}bridge ${view.name}`);
      depth++;
    },
    table: (table, rule) => {
      say(`  ${pad()}table ${table}: ${rule ? formatMatch(expand(rule.match), { priority: rule.priority }) : 'miss'}`);
      depth++;
    },
    step: (text) => say(`  ${pad()}${text}`),
    open: (text) => {
      say(`  ${pad()}${text}`);
      depth++;
    },
    leave: () => {
      depth--;
    },
    action: (a) => say(`  ${pad()}→ ${formatActions([a])}`),
    note: (text) => say(`  ${pad()}  ${text}`),
  };
  const t = s.daemon.core.upcalls.explain({ bridge: s.bridge, inPort: from.port, key, tracer });
  if (t.reason) say(`  dropped: ${DROP_REASONS[t.reason].sentence}`);
}

/** Drops by reason, and the balance of every port. */
function counters(stage: Stage, checks: Checks): void {
  for (const s of stage.switches) {
    for (const port of s.bridge.ports()) {
      const c = s.daemon.driver.portCounters(port.vport);
      const dropped = c.drops.reduce((a, b) => a + b, 0);
      checks.line(
        c.rx_packets === c.forwarded + dropped + c.held,
        `${s.name} port ${port.number === OFPP.local ? 'LOCAL' : port.number}: received ${c.rx_packets} = forwarded ${c.forwarded} + dropped ${dropped} + held ${c.held}`,
      );
      c.drops.forEach((n, i) => {
        if (n > 0) say(`         ${n} × ${DROP_REASONS[i].name}: ${DROP_REASONS[i].sentence}`);
      });
    }
  }
}
