// h2load (nghttp2) as the load generator for both sides. It does not look at grpc-status, so the caller checks by the
// store's revision that the writes happened.

import { spawn } from 'node:child_process';

export interface Load {
  readonly connections: number;
  readonly streams: number;
  readonly seconds: number;
}

export interface Measured {
  readonly requestsPerSecond: number;
  readonly meanMs: number;
}

/** A server that goes on and on at the end of a load keeps h2load from its own. */
const endMs = 15_000;

export async function h2load(url: string, dataFile: string, load: Load): Promise<Measured> {
  const output = await run('h2load', (load.seconds + 1) * 1000 + endMs, [
    ...['-c', String(load.connections), '-m', String(load.streams), '-t', '1'],
    ...['-D', String(load.seconds), '--warm-up-time', '1'],
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', '-d', dataFile, url],
  ]);
  const rate = /finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(output)?.[1];
  const failed = /requests: .* (\d+) failed/.exec(output)?.[1];
  const mean = /time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)/.exec(output);
  if (rate === undefined || failed !== '0' || mean === null) throw new Error(`h2load did not succeed:\n${output}`);
  const scale = { us: 0.001, ms: 1, s: 1000 }[mean[2] as 'us' | 'ms' | 's'];
  return { requestsPerSecond: Number(rate), meanMs: Number(mean[1]) * scale };
}

function run(file: string, timeout: number, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout, killSignal: 'SIGKILL' });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.once('error', (error) => {
      reject(new Error(`${file} cannot be run (apt-get install -y nghttp2-client): ${error.message}`));
    });
    child.once('exit', () => resolve(output));
  });
}
