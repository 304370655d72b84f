/** Parts in TypeScript that are measured by themselves: each prepares what it needs, and returns what is measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { flowModFromText } from '../../src/bridge/flow-text.js';
import { encodeActions, WordWriter } from '../../src/datapath/encode.js';
import { parseDpActions } from '../../src/datapath/text/actions.js';
import { formatDpKey, parseDpKey } from '../../src/datapath/text/flow.js';
import { KEY_WORDS, newKey, words } from '../../src/flow/key.js';
import { FlowTables } from '../../src/flowtable/tables.js';
import { put16, put32 } from '../../src/lib/bytes.js';
import { VirtualClock } from '../../src/lib/clock.js';
import { decode, encode } from '../../src/openflow/message.js';
import { fromFlowMod } from '../../src/openflow/messages/flow-mod.js';
import { corpus } from '../../src/openflow/testing/corpus.js';
import { hashKey } from '../../src/packet/crc32c.js';
import { extract } from '../../src/packet/extract.js';
import { K } from '../../src/packet/key.js';
import { Switch } from '../../src/switch/switch.js';
import { PEERS } from './files.js';

export interface ScriptPart {
  readonly what: string;
  prepare(): Promise<() => void> | (() => void);
}

const FLOW =
  'table=1,priority=100,tcp,nw_src=10.0.0.0/8,nw_dst=192.168.1.1,tp_dst=80,actions=mod_nw_dst:10.1.1.1,dec_ttl,output:2';
const OF13 = 4;

function udp(source: number): Uint8Array {
  const f = new Uint8Array(60);
  f.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17]);
  put32(f, 26, 0x0a000001 + source);
  put32(f, 30, 0x0a010001);
  put16(f, 34, 1024 + source);
  put16(f, 36, 2000);
  put16(f, 38, 26);
  return f;
}

const flowMod = () => flowModFromText(FLOW, 'add', () => undefined);
const message = () => fromFlowMod(flowMod(), OF13, true);

/** A look-up that finds a rule of one of so many masks, 1,000 rules in all. */
function classifier(masks: number): ScriptPart {
  return {
    what: `classifier: a look-up among 1,000 rules of ${masks} masks`,
    prepare() {
      const tables = new FlowTables(new VirtualClock());
      const dst = (i: number) => `10.${i & 255}.${i >> 8}.0/${32 - (i % Math.min(masks, 8))}`;
      for (let i = 0; i < 1000; i++) {
        const src = `11.0.0.0/${8 + (Math.floor(i / 8) % Math.ceil(masks / 8))}`;
        tables.flowMod(
          flowModFromText(
            `priority=${1 + (i % masks)},ip,nw_src=${src},nw_dst=${dst(i)},actions=output:2`,
            'add',
            () => undefined,
          ),
        );
      }
      const keys = Array.from({ length: 256 }, (_, i) => {
        const f = udp(i);
        put32(f, 26, 0x0b000000);
        put32(f, 30, 0x0a000000 + ((i & 255) << 16));
        const key = newKey();
        extract(f, key, 1);
        return words(key);
      });
      const mask = new Uint32Array(KEY_WORDS);
      let n = 0;
      return () => {
        mask.fill(0);
        tables.lookup(0, keys[n++ & 255], mask);
      };
    },
  };
}

/** A whole translation, as a miss makes it. */
function translate(file: string, tables: string): ScriptPart {
  return {
    what: `translation of a packet through ${tables} tables`,
    prepare() {
      const sw = new Switch({ datapath: 'reference', clock: new VirtualClock() });
      const br = sw.bridge('br0');
      br.addPort('p1');
      br.addPort('p2');
      for (const line of readFileSync(join(PEERS, file), 'utf8').trim().split('\n')) br.addFlow(line);
      const bridge = sw.core.bridges.get('br0');
      if (!bridge) throw new Error('the bridge is gone');
      const keys = Array.from({ length: 256 }, (_, i) => {
        const key = newKey();
        extract(udp(i), key, 1);
        put32(key, K.inPort.offset, 1);
        return key;
      });
      let n = 0;
      return () => void sw.core.upcalls.explain({ bridge, inPort: 1, key: keys[n++ & 255] });
    },
  };
}

/** An example of a message of OpenFlow 1.3 that real programs sent. */
function example(kind: string): Uint8Array {
  const found = corpus(1, 0).find((s) => s.version === OF13 && decode(s.bytes).kind === kind);
  if (!found) throw new Error(`no example of ${kind}`);
  return found.bytes;
}

/** Reading and writing of a message. */
const codec = (name: string): Record<string, ScriptPart> => ({
  [`${name.replaceAll('_', '-')}-decode`]: {
    what: `an OpenFlow 1.3 ${name} message read`,
    prepare() {
      const bytes = example(name);
      return () => void decode(bytes);
    },
  },
  [`${name.replaceAll('_', '-')}-encode`]: {
    what: `an OpenFlow 1.3 ${name} message written`,
    prepare() {
      const { kind, value } = decode(example(name));
      return () => void encode(kind, value, { version: OF13, xid: 1 });
    },
  },
});

const CODECS = ['packet_in', 'packet_out', 'flow_stats_reply', 'group_mod', 'meter_mod', 'port_status'];

const DP_KEY =
  'recirc_id(0),in_port(2),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:01),eth_type(0x0800),ipv4(src=10.0.0.0/255.0.0.0,dst=10.1.2.3,proto=17,frag=no),udp(dst=2000)';
const DP_ACTIONS = 'set(eth(dst=02:00:00:00:00:09)),set(ipv4(ttl=63)),push_vlan(vid=5,pcp=0),3';

export const SCRIPT_PARTS: Readonly<Record<string, ScriptPart>> = {
  extract: {
    what: 'extraction of the key of a UDP packet',
    prepare() {
      const key = newKey();
      const frame = udp(1);
      return () => void extract(frame, key, 1);
    },
  },
  'classifier-1': classifier(1),
  'classifier-10': classifier(10),
  'classifier-100': classifier(100),
  'translate-2': translate('flows-two-tables.txt', 'two'),
  'translate-10': translate('flows-ten-tables.txt', 'ten'),
  'hash-key': {
    what: 'hash of a key, as a worker has it',
    prepare() {
      const key = newKey();
      extract(udp(1), key, 1);
      return () => void hashKey(key);
    },
  },
  'dp-flow-parse': {
    what: 'the key of a datapath flow read from text',
    prepare: () => () => void parseDpKey(DP_KEY),
  },
  'dp-flow-format': {
    what: 'and written',
    prepare() {
      const { value, mask } = parseDpKey(DP_KEY);
      return () => void formatDpKey(value, mask);
    },
  },
  'dp-actions-parse': {
    what: 'four datapath actions read from text',
    prepare: () => () => void parseDpActions(DP_ACTIONS),
  },
  'dp-actions-encode': {
    what: 'and written for a worker',
    prepare() {
      const actions = parseDpActions(DP_ACTIONS);
      const w = new WordWriter();
      return () => {
        w.reset();
        encodeActions(w, actions);
      };
    },
  },
  ...Object.assign({}, ...CODECS.map(codec)),
  'flow-text': {
    what: 'a flow read from text',
    prepare: () => () => void flowMod(),
  },
  'flow-mod-encode': {
    what: 'the same written as an OpenFlow 1.3 message',
    prepare() {
      const mod = message();
      return () => void encode('flow_mod', mod, { version: OF13, xid: 1 });
    },
  },
  'flow-mod-decode': {
    what: 'and read from it',
    prepare() {
      const bytes = encode('flow_mod', message(), { version: OF13, xid: 1 });
      return () => void decode(bytes);
    },
  },
};
