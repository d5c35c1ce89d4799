// npm run bench:grpc [-- --rounds 3] [--seconds 2] [--only NAME]: the empty echo of @kontiki/grpc, of grpc-js, of
// connect-node and of bare node:http2 in one run, alternating, under h2load. Prints each round, then medians and ratios
// to grpc-js. Only ratios travel. A server that did not come through a load is told of, and started anew.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { amount, count, longCommand, wordIn } from '../scripts/long-command.ts';
import { h2load, type Load } from './h2load.ts';

const kinds = ['kontiki', 'grpc-js', 'connect-node', 'node:http2'];
const messagesPerStream = 100;

const rows = [
  { name: 'unary 100 × 1', method: 'Say', connections: 100, streams: 1, tls: false },
  { name: 'unary 10 × 100', method: 'Say', connections: 10, streams: 100, tls: false },
  { name: 'stream 10 × 10', method: 'Talk', connections: 10, streams: 10, tls: false },
  { name: 'TLS unary 100 × 1', method: 'Say', connections: 100, streams: 1, tls: true },
  { name: 'TLS unary 10 × 100', method: 'Say', connections: 10, streams: 100, tls: true },
  { name: 'TLS stream 10 × 10', method: 'Talk', connections: 10, streams: 10, tls: true },
] as const;

const { rounds, seconds, only } = longCommand(
  'bench:grpc',
  'The empty echo of @kontiki/grpc, grpc-js, connect-node and bare node:http2 in one run, alternating, under h2load; prints each round, then medians and ratios to grpc-js.',
)
  .option('--rounds <N>', 'how often each has its turn', count, 3)
  .option('--seconds <N>', 'how long a turn takes', amount, 2)
  .option('--only <WORD>', 'the loads that have it in their names', wordIn(rows.map(({ name }) => name)))
  .parse()
  .opts();

const folder = mkdtempSync(join(tmpdir(), 'grpc-bench-'));
/** 256 bytes, which are a BytesValue to whoever looks. */
const message = Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0x0a, 0xfd, 1]), Buffer.alloc(253, 7)]);
const files = { Say: join(folder, 'one'), Talk: join(folder, 'many') };
writeFileSync(files.Say, message);
writeFileSync(files.Talk, Buffer.concat(Array.from({ length: messagesPerStream }, () => message)));
const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost'];
execFileSync('openssl', ['req', '-x509', '-days', '2', ...curve, '-keyout', key, '-out', cert], { stdio: 'ignore' });

interface Peer {
  readonly port: number;
  readonly process: ChildProcess;
}

/** By kind and scheme. */
const peers = new Map<string, Peer>();
const rates = new Map<string, number[]>();
try {
  for (let round = 0; round < rounds; round++) {
    for (const { name, method, connections, streams, tls } of rows) {
      if (only !== undefined && !name.includes(only)) continue;
      // Each goes first in turn.
      for (let turn = 0; turn < kinds.length; turn++) {
        const kind = kinds[(round + turn) % kinds.length] ?? '';
        const rate = await measure(kind, tls ? 'https' : 'http', method, { connections, streams, seconds });
        const said = rate === undefined ? 'did not come through' : `${Math.round(rate)}/s`;
        process.stdout.write(`round ${round + 1}  ${name.padEnd(20)} ${kind.padEnd(14)} ${said}\n`);
        if (rate !== undefined) rates.set(`${name} ${kind}`, [...(rates.get(`${name} ${kind}`) ?? []), rate]);
      }
    }
  }
  for (const { name } of rows) report(name);
} finally {
  for (const { process: child } of peers.values()) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
}

/** Requests, or messages of a stream, per second. */
async function measure(
  kind: string,
  scheme: 'http' | 'https',
  method: keyof typeof files,
  load: Load,
): Promise<number | undefined> {
  const peer = peers.get(`${kind} ${scheme}`) ?? (await start(scheme === 'http' ? [kind] : [kind, key, cert]));
  peers.set(`${kind} ${scheme}`, peer);
  try {
    const url = `${scheme}://127.0.0.1:${peer.port}/bench.Echo/${method}`;
    const { requestsPerSecond } = await h2load(url, files[method], load);
    return method === 'Talk' ? requestsPerSecond * messagesPerStream : requestsPerSecond;
  } catch (error: unknown) {
    process.stderr.write(`${kind}: ${error instanceof Error ? error.message : error}\n`);
    peer.process.kill('SIGKILL');
    peers.delete(`${kind} ${scheme}`);
    return undefined;
  }
}

function report(name: string): void {
  const base = median(rates.get(`${name} grpc-js`) ?? []);
  if (Number.isNaN(base)) return;
  const cells = kinds.map((kind) => {
    const rate = median(rates.get(`${name} ${kind}`) ?? []);
    return `${kind} ${Math.round(rate)}/s = ${(rate / base).toFixed(2)}`;
  });
  process.stdout.write(`${name.padEnd(20)} ${cells.join('   ')}\n`);
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function start(args: readonly string[]): Promise<Peer> {
  const file = join(dirname(fileURLToPath(import.meta.url)), 'grpc-servers.ts');
  const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (line: Buffer) => resolve({ port: Number(line.toString()), process: child }));
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}`)));
  });
}
