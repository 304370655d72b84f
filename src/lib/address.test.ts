import t from 'tap';
import {
  formatIpv4Masked,
  formatIpv6,
  formatIpv6Masked,
  formatMac,
  formatMacMasked,
  parseIpMasked,
  parseIpv4,
  parseIpv6,
  parseMac,
  parseMacMasked,
  prefixLength,
  prefixMask,
} from './address.js';

/** On the left one of its forms, on the right what inet_ntop writes. */
const IPV6 = [
  ['::1', '::1'],
  ['::', '::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::1.2.3.4', '::1.2.3.4'],
  ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
  ['::1:0', '::0.1.0.0'],
  ['1::', '1::'],
  ['1:0:0:2::', '1:0:0:2::'],
  ['::2:0:0:0:1', '::2:0:0:0:1'],
  ['0:0:0:0:1::', '::1:0:0:0'],
  ['FE80::1', 'fe80::1'],
  ['::ffff:0:0', '::ffff:0.0.0.0'],
  ['0:0:1::1', '0:0:1::1'],
  ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
  ['0:2:3:4:5:6:7:0', '0:2:3:4:5:6:7:0'],
  ['::3:4:5:6:7:8', '::3:4:5:6:7:8'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
];

t.test('addresses', (t) => {
  for (const [text, printed] of IPV6) t.equal(formatIpv6(parseIpv6(text) ?? new Uint8Array(16)), printed, text);
  for (const bad of [
    '',
    ':',
    ':::',
    '1:2',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    '1.2.3.4::',
    'g::',
    '1:2:3:4:5:6:7::8',
    '::1.2.3',
  ]) {
    t.equal(parseIpv6(bad), undefined, `not IPv6: ${bad}`);
  }
  for (const bad of ['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1..2.3', '0x1.2.3.4', '1.2.3.4 ', '1.2.3.0004']) {
    t.equal(parseIpv4(bad), undefined, `not IPv4: ${bad}`);
  }
  t.equal(formatMac(parseMac('0:1:2:a:B:ff') ?? new Uint8Array(6)), '00:01:02:0a:0b:ff');
  for (const bad of ['', '0:1:2:3:4', '0:1:2:3:4:5:6', '0:1:2:3:4:', '000:1:2:3:4:5', '0:1:2:3:4:g']) {
    t.equal(parseMac(bad), undefined, `not a MAC: ${bad}`);
  }
  t.end();
});

t.test('masks', (t) => {
  const rows = [
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.0.0/16', '10.1.0.0/16'],
    ['10.1.0.0/255.255.0.0', '10.1.0.0/16'],
    ['10.0.2.0/255.0.255.0', '10.0.2.0/255.0.255.0'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ];
  for (const [text, printed] of rows) {
    const m = parseIpMasked(text, 4);
    t.equal(m && formatIpv4Masked(m.value, m.mask), printed, text);
  }
  for (const bad of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/a', '10.0.0.0/-1'])
    t.equal(parseIpMasked(bad, 4), undefined, bad);
  const six = parseIpMasked('2001:db8::/ffff:ffff::1', 6);
  t.equal(six && formatIpv6Masked(six.value, six.mask), '2001:db8::/ffff:ffff::1');
  const long = parseIpMasked('2001:db8::/33', 6);
  t.equal(long && formatIpv6Masked(long.value, long.mask), '2001:db8::/33');
  const mac = parseMacMasked('01:00:00:00:00:00/01:00:00:00:00:00');
  t.equal(mac && formatMacMasked(mac.value, mac.mask), '01:00:00:00:00:00/01:00:00:00:00:00');
  for (let n = 0; n <= 128; n++) t.equal(prefixLength(prefixMask(n, 16)), n, `prefix ${n}`);
  t.equal(prefixLength(Uint8Array.of(0xff, 0x7f)), -1);
  t.equal(prefixLength(Uint8Array.of(0xf0, 0x01)), -1);
  t.end();
});
