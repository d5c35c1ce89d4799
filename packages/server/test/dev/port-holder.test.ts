import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { freePorts } from '../../src/dev/free-ports.ts';
import { listeningInodes, portUse } from '../../src/dev/port-holder.ts';

const proc = existsSync('/proc/net/tcp') ? false : 'this system has no /proc/net/tcp';

describe('who holds a port', () => {
  it('nobody holds a free one', async () => {
    const [port = 0] = await freePorts(1);

    assert.deepEqual(await portUse(port), { kind: 'free' });
    assert.deepEqual(await portUse(port), { kind: 'free' }, 'looking does not hold it either');
  });

  for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
    it(`names the process that listens on ${host}`, { skip: proc }, async () => {
      const server = createServer().listen(0, host);
      await once(server, 'listening');
      const address = server.address();
      assert.ok(address !== null && typeof address === 'object');
      try {
        const use = await portUse(address.port);

        assert.equal(use.kind, 'held');
        assert.equal(use.kind === 'held' && use.holder?.pid, process.pid);
        assert.match((use.kind === 'held' && use.holder?.command) || '', /node/);
      } finally {
        server.close();
      }
    });
  }

  it('reads the sockets that listen from the system’s table', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:094B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0',
      '   1: 0100007F:094B 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0',
      '   2: 0100007F:094C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0',
      '',
    ].join('\n');

    assert.deepEqual(listeningInodes(table, 0x094b), ['111']);
    assert.deepEqual(listeningInodes('', 0x094b), []);
  });
});
