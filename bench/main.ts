// npm run bench [-- --rounds 3] [--seconds 4] [--members 3]: etcd and Kontiki in one run, alternating, same flags, same load.
// Prints each round, then medians and ratios. Absolute numbers are this machine's; only ratios travel.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { PutRequestSchema, RangeRequestSchema, RangeResponseSchema } from '@kontiki/etcd-proto';
import { amount, count, longCommand, oneOf } from '../scripts/long-command.ts';
import { type Cluster, programs, startCluster } from './cluster.ts';
import { h2load } from './h2load.ts';

const { rounds, seconds, members, only } = longCommand(
  'bench',
  'etcd and Kontiki in one run, alternating, under the same flags and the same load; prints each round, then medians and ratios.',
)
  .option('--rounds <N>', 'how often each has its turn', count, 3)
  .option('--seconds <N>', 'how long a turn takes', amount, 4)
  .option('--members <N>', 'of each cluster', count, 3)
  .option('--only <NAME>', 'one of the two, etcd or kontiki', oneOf(programs.map(({ name }) => name)))
  .parse()
  .opts();

const key = new TextEncoder().encode('bench/key');
const value = new Uint8Array(256).fill(0x76);
const requests = {
  Put: toBinary(PutRequestSchema, create(PutRequestSchema, { key, value })),
  Range: toBinary(RangeRequestSchema, create(RangeRequestSchema, { key })),
};
const loads = [
  { connections: 100, streams: 1, seconds },
  { connections: 10, streams: 100, seconds },
];

const folder = mkdtempSync(join(tmpdir(), 'kontiki-bench-'));
const chosen = programs.filter(({ name }) => only === undefined || only === name);
const clusters: Cluster[] = [];
try {
  for (const program of chosen) clusters.push(await startCluster(program, members));
  const rates = new Map<string, number[]>();
  for (let round = 1; round <= rounds; round++) {
    for (const load of loads) {
      for (const method of ['Put', 'Range'] as const) {
        for (const cluster of clusters) {
          const row = `${method} ${load.connections} × ${load.streams}`;
          const { requestsPerSecond, meanMs } = await measure(cluster, method, load);
          const name = `${row} ${cluster.program.name}`;
          rates.set(name, [...(rates.get(name) ?? []), requestsPerSecond]);
          process.stdout.write(
            `round ${round}  ${row.padEnd(16)} ${cluster.program.name.padEnd(8)} ${Math.round(requestsPerSecond).toString().padStart(7)}/s  mean ${meanMs.toFixed(2)} ms\n`,
          );
        }
      }
    }
  }
  report(rates);
} finally {
  for (const cluster of clusters) await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(
  cluster: Cluster,
  method: 'Put' | 'Range',
  load: (typeof loads)[number],
): ReturnType<typeof h2load> {
  const port = await cluster.leaderPort();
  const file = join(folder, method);
  writeFileSync(file, grpcFrame(requests[method]));
  const before = await revision(port);
  const measured = await h2load(`http://127.0.0.1:${port}/etcdserverpb.KV/${method}`, file, load);
  const written = (await revision(port)) - before;
  // A server that refuses quickly must not win.
  if (method === 'Put' && written < measured.requestsPerSecond * load.seconds * 0.9) {
    throw new Error(`${cluster.program.name} answered ${measured.requestsPerSecond}/s but wrote only ${written} times`);
  }
  return measured;
}

function grpcFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(5 + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, 5);
  return frame;
}

function revision(port: number): Promise<number> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/etcdserverpb.KV/Range',
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => fromBinary(RangeResponseSchema, bytes),
      requests.Range,
      (error, response) => {
        client.close();
        if (error !== null || response === undefined) reject(error ?? new Error('no response'));
        else resolve(Number(response.header?.revision ?? 0n));
      },
    );
  });
}

function report(rates: ReadonlyMap<string, readonly number[]>): void {
  process.stdout.write('\nmedians            etcd      kontiki   ratio\n');
  for (const load of loads) {
    for (const method of ['Put', 'Range']) {
      const row = `${method} ${load.connections} × ${load.streams}`;
      const etcd = median(rates.get(`${row} etcd`) ?? []);
      const kontiki = median(rates.get(`${row} kontiki`) ?? []);
      const cells = [etcd, kontiki].map((rate) => (Number.isNaN(rate) ? '-' : `${Math.round(rate)}/s`).padEnd(9));
      process.stdout.write(`${row.padEnd(18)} ${cells.join(' ')} ${(kontiki / etcd).toFixed(2)}\n`);
    }
  }
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
