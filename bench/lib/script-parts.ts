/** Parts in TypeScript that are measured by themselves: each prepares what it needs, and returns what is measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { flowModFromText } from '../../src/bridge/flow-text.js';
import { KEY_WORDS, newKey, words } from '../../src/flow/key.js';
import { FlowTables } from '../../src/flowtable/tables.js';
import { put16, put32 } from '../../src/lib/bytes.js';
import { VirtualClock } from '../../src/lib/clock.js';
import { decode, encode } from '../../src/openflow/message.js';
import { fromFlowMod } from '../../src/openflow/messages/flow-mod.js';
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
