import t from 'tap';
import { plainPort } from '../datapath/native.js';
import { nativeConfig, unknownOptions, VPORT_KINDS, vportKind, vportTypes } from './kinds.js';

const plain = { ...plainPort('system'), offload: true };

t.test('a spec becomes what the datapath opens', (t) => {
  const rows = [
    [
      { name: 'p1', type: '' },
      { ...plain, kind: 'system', device: 'p1' },
    ],
    [
      { name: 'br0', type: 'internal', mtu: 9000 },
      { ...plain, kind: 'tap', device: 'br0', mtu: 9000 },
    ],
    [
      { name: 'p1', type: 'system', options: { offload: 'false' } },
      { ...plain, kind: 'system', device: 'p1', offload: false },
    ],
    [
      { name: 't1', type: 'tap', options: { io_uring: 'false' } },
      { ...plain, kind: 'tap', device: 't1', ioUring: false },
    ],
    [
      { name: 'm', type: 'memory' },
      { ...plain, kind: 'memory', offload: false },
    ],
    [
      { name: 'x', type: 'pcap', options: { rx_pcap: 'in.pcap', tx_pcap: 'out.pcap', loop: 'true' } },
      { ...plain, kind: 'pcap', device: 'in.pcap', output: 'out.pcap', loop: true },
    ],
    [
      { name: 'd', type: 'dummy-pmd', dummy: true },
      { ...plain, kind: 'memory', device: 'd', offload: false },
    ],
    [{ name: 'patch-tun', type: 'patch', options: { peer: 'patch-int' } }, undefined],
  ] as const;
  for (const [spec, want] of rows) t.same(nativeConfig(spec), want, spec.name);
  t.end();
});

t.test('bad specs are refused with the fault named', (t) => {
  const rows = [
    [{ name: 'p1', type: 'carrier-pigeon' }, /unknown interface type "carrier-pigeon"/],
    [{ name: 'd', type: 'dummy' }, /unknown interface type "dummy"/],
    [{ name: 'a-name-that-is-too-long', type: '' }, /1 to 15 characters/],
    [{ name: 'a/b', type: 'tap' }, /no slash/],
    [{ name: 'p1', type: '', mtu: 10 }, /MTU 10 is not within 68 to 65535/],
    [{ name: 'p1', type: '', options: { offload: 'maybe' } }, /options:offload must be true or false/],
  ] as const;
  for (const [spec, want] of rows) t.throws(() => nativeConfig(spec), want, spec.name);
  t.end();
});

t.test('kinds are named once, and unknown options are found', (t) => {
  t.equal(new Set(VPORT_KINDS.map((k) => k.type)).size, VPORT_KINDS.length);
  t.equal(vportKind('').type, 'system');
  t.same(
    vportTypes(true).filter((type) => !vportTypes(false).includes(type)),
    ['dummy', 'dummy-internal', 'dummy-pmd'],
  );
  t.same(unknownOptions({ name: 'p', type: 'patch', options: { peer: 'q', colour: 'red' } }), ['colour']);
  t.end();
});
