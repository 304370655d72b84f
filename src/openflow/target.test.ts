import t from 'tap';
import { parseTarget } from './target.js';

t.test('targets', (t) => {
  const rows = [
    ['tcp:127.0.0.1:6653', { kind: 'tcp', passive: false, host: '127.0.0.1', port: 6653 }],
    ['tcp:127.0.0.1', { kind: 'tcp', passive: false, host: '127.0.0.1', port: 6653 }],
    ['ssl:[fe80::1%eth0]:1', { kind: 'ssl', passive: false, host: 'fe80::1%eth0', port: 1 }],
    ['unix:/run/x', { kind: 'unix', passive: false, host: '/run/x', port: 0 }],
    ['ptcp:', { kind: 'tcp', passive: true, host: '', port: 6653 }],
    ['ptcp:7000:127.0.0.1', { kind: 'tcp', passive: true, host: '127.0.0.1', port: 7000 }],
    ['punix:/run/y', { kind: 'unix', passive: true, host: '/run/y', port: 0 }],
  ] as const;
  for (const [text, want] of rows) t.same(parseTarget(text), want, text);
  for (const bad of ['', 'tcp', 'udp:1.2.3.4', 'tcp:', 'tcp:1.2.3.4:99999', 'tcp:::1', 'unix:', 'ptcp:x']) {
    t.throws(() => parseTarget(bad), { name: 'UserError' }, bad);
  }
  t.end();
});
