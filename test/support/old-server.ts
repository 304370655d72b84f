/** A database server of former times: old-server.js SOCKET SERVER-SOCKET METHOD... passes on everything but requests of these methods. */

import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { isObject } from '../../src/ovsdb/json/json.js';
import { JsonStream } from '../../src/ovsdb/json/json-stream.js';

const [socket, server, ...unknown] = process.argv.slice(2);
rmSync(socket, { force: true });
createServer((client) => {
  const behind = connect(server);
  const requests = new JsonStream(1 << 28);
  client.on('data', (chunk) => {
    for (const request of requests.push(chunk)) {
      if (!isObject(request) || !unknown.includes(String(request.method))) behind.write(JSON.stringify(request));
      else client.write(JSON.stringify({ id: request.id, result: null, error: 'unknown method' }));
    }
  });
  behind.on('data', (chunk) => client.write(chunk));
  for (const s of [client, behind]) {
    s.on('error', () => s.destroy());
    s.on('close', () => (s === client ? behind : client).destroy());
  }
}).listen(socket, () => process.stdout.write('ready\n'));
process.stdin.on('end', () => process.exit(0)).resume();
