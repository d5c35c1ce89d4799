// The server that is attacked, a cluster of one on a real disk in a process of its own, so that its memory is its own. It has
// all settings of `kontiki server`, but waits less long for clients that do not go on.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { CompactionRequestSchema, PutRequestSchema } from '@kontiki/etcd-proto';
import { defaultLimits } from '@kontiki/grpc';
import type { FromChild, ServerSettings, ToChild } from '../../../grpc/test/hostile/protocol.ts';
import { aliveBytes } from '../../../grpc/test/memory.ts';
import { freePorts } from '../../src/dev/free-ports.ts';
import { loggerTo } from '../../src/log.ts';
import { configOf } from '../server/memory-server.ts';
import { healthyKey, healthyValue, largeBytes, largeKey, largeKeys, watchedBytes, watchedKey } from './stored.ts';

/** So often the watched key changes. */
const watchedMs = 20;

const settings = JSON.parse(process.argv[2] ?? '') as ServerSettings;
const { stallMs = defaultLimits.stallMs, openingMs = defaultLimits.openingMs } = settings.limits;
const { blockMs = defaultLimits.blockMs } = settings.limits;
const events: Record<string, number> = {};
const say = (message: FromChild): void => {
  process.send?.(message);
};

const directory = mkdtempSync(join(tmpdir(), 'kontiki-hostile-'));
const leave = (): void => {
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
};
const [peer, client] = await freePorts(2);
const [peerUrl, clientUrl] = [`http://127.0.0.1:${peer}`, `http://127.0.0.1:${client}`];
const config = configOf([
  ...['--name', 'm', '--data-dir', directory, '--initial-cluster', `m=${peerUrl}`],
  ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
  ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
  ...['--heartbeat-interval', '20', '--election-timeout', '200'],
  ...['--grpc-keepalive-interval', `${settings.keepalive.intervalMs}ms`],
  ...['--grpc-keepalive-timeout', `${settings.keepalive.timeoutMs}ms`],
]);
const faults: Readonly<Record<string, string>> = {
  'a call failed inside': 'handlerFault',
  'a connection failed inside': 'fault',
};
const logger = loggerTo('warn', {
  write: (line) => {
    const { msg } = JSON.parse(line) as { readonly msg: string };
    const kind = faults[msg];
    if (kind === undefined) return;
    process.stderr.write(line);
    events[kind] = (events[kind] ?? 0) + 1;
  },
});
const program = new URL('../../dist/server.js', import.meta.url).href;
const { startServer } = (await import(program)) as typeof import('../../src/server.ts');
const server = await startServer(config, { logger, patience: { stallMs, openingMs, blockMs } });
const { member } = server;

async function put(key: string, value: Uint8Array): Promise<void> {
  const request = toBinary(PutRequestSchema, create(PutRequestSchema, { key: Buffer.from(key), value }));
  await member.propose({ kind: 'put', request });
}

async function compact(): Promise<void> {
  const fields = { revision: BigInt(member.store.revision) };
  await member.propose({
    kind: 'compact',
    request: toBinary(CompactionRequestSchema, create(CompactionRequestSchema, fields)),
  });
}

await put(healthyKey, Buffer.from(healthyValue));
for (let index = 0; index < largeKeys; index++) await put(largeKey(index), Buffer.alloc(largeBytes, index));

let writing = false;
let written = 0;
setInterval(async () => {
  if (writing || member.watches.watchers === 0) return;
  writing = true;
  await put(watchedKey, Buffer.alloc(watchedBytes, written));
  written += 1;
  if (written % 500 === 0) await compact();
  writing = false;
}, watchedMs);

/** Of clients; peers there are none, and of the ports one for each of the two kinds. */
function clientSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

process.on('message', (message: ToChild) => {
  if (message.kind === 'stop') leave();
  const state = { connections: clientSockets(), streams: member.watches.streams, events, aliveBytes: aliveBytes() };
  say({ kind: 'state', state });
});
// The judge has gone without a word.
process.on('disconnect', leave);
const port = server.clientAddresses[0]?.port ?? 0;
say({ kind: 'ready', ports: { plain: port, tls: port } });
