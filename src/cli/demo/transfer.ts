/**
 * One TCP connection between two hosts of the demo, with nothing but Node in them: node transfer.js serve PORT | send ADDRESS PORT SECONDS | try
 * ADDRESS PORT MS. `serve` says "listening", takes one connection and prints its bytes and milliseconds; `try` prints open, refused or silent.
 */
import { connect, createServer } from 'node:net';

const [what, ...args] = process.argv.slice(2);

if (what === 'serve') {
  const server = createServer((s) => {
    let bytes = 0;
    let start = 0;
    s.on('data', (d) => {
      if (bytes === 0) start = performance.now();
      bytes += d.length;
    });
    s.on('close', () => {
      console.log(`${bytes} ${Math.max(1, performance.now() - start).toFixed(1)}`);
      server.close();
    });
    s.on('error', () => {});
  });
  server.listen(Number(args[0]), () => console.log('listening'));
} else if (what === 'send') {
  const s = connect(Number(args[1]), args[0]);
  const chunk = Buffer.alloc(1 << 20);
  let over = false;
  const more = (): void => {
    while (!over && s.write(chunk)) {}
    if (over) s.end();
  };
  s.on('drain', more);
  s.on('connect', () => {
    setTimeout(() => {
      over = true;
      s.end();
    }, Number(args[2]) * 1000);
    more();
  });
  s.on('error', (e) => {
    console.error(e.message);
    process.exitCode = 1;
  });
} else if (what === 'try') {
  const s = connect(Number(args[1]), args[0]);
  const done = (text: string): void => {
    console.log(text);
    process.exit(0);
  };
  setTimeout(() => done('silent'), Number(args[2]));
  s.on('connect', () => done('open'));
  s.on('error', () => done('refused'));
}
