import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { HashKVRequestSchema, HashKVResponseSchema } from '@kontiki/etcd-proto';
import { readFlags } from '../../src/config/flags.ts';
import { serverConfig } from '../../src/config/server-config.ts';
import { freePorts } from '../../src/dev/free-ports.ts';
import { silentLogger } from '../../src/log.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import { encodingRows } from './encoding-rows.ts';
import { requestRows } from './request-rows.ts';
import { revisionRows } from './revision-rows.ts';
import { prepare } from './row.ts';
import { Wire } from './wire.ts';

let server: RunningServer;
let wire: Wire;
const folder = mkdtempSync(join(tmpdir(), 'kontiki-refusals-'));
const ports = await freePorts(2);

async function start(): Promise<void> {
  const [client, peer] = ports.map((port) => `http://127.0.0.1:${port}`);
  const line = readFlags(
    [
      ...['--name=m1', `--data-dir=${folder}`, `--initial-cluster=m1=${peer}`],
      ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
      ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
      ...['--heartbeat-interval=20', '--election-timeout=200'],
    ],
    {},
  );
  assert.equal(line.kind, 'settings');
  server = await startServer(serverConfig(line.kind === 'settings' ? line.set : new Map()), { logger: silentLogger });
  wire = new Wire(ports[0] ?? 0);
}

async function stop(): Promise<void> {
  wire.close();
  await server.stop();
}

async function hash(): Promise<string> {
  const response = await wire.ask('Maintenance/HashKV', HashKVRequestSchema, {}, HashKVResponseSchema);
  return `${response.hash} at ${response.header?.revision}`;
}

describe('a server refuses in the words of etcd', () => {
  before(async () => {
    await start();
    await prepare(wire);
  });
  after(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { title, send, answer } of [...requestRows, ...revisionRows, ...encodingRows]) {
    it(title, async () => {
      if (typeof answer === 'string') assert.equal(await send(wire), answer);
      else assert.match(await send(wire), answer);
    });
  }

  it('and has all its data afterwards, also when started again', async () => {
    assert.equal(await wire.put('after', 'all'), 'ok');
    const before = await hash();

    await stop();
    await start();

    assert.equal(await hash(), before);
    assert.equal(await wire.get('there'), '3');
    assert.equal(await wire.get('after'), 'all');
  });
});
