// `npm run trace`: a trace for etcd-io/raft's trace specification, on the standard output. docs/tla-trace.md.

import { readFileSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { traceSeed, traceStory } from '@kontiki/sim';
import { nodeHost } from './node-host.ts';

const usage = 'usage: npm run trace --silent -- --story FILE | --seed N [--members 3] [--seconds 5] > trace.ndjson\n';
const options = {
  story: { type: 'string' },
  seed: { type: 'string' },
  members: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '5' },
  help: { type: 'boolean', default: false },
} as const;

async function main(): Promise<number> {
  const { story, seed, members, seconds, help } = parseArgs({ options }).values;
  // Synchronous, so that a pipe that is closed early ends the command and not only its output.
  const print = (line: string): void => void writeSync(1, `${line}\n`);
  if (help) {
    print(usage.trimEnd());
    return 0;
  }
  const numbers = [seed ?? '1', members, seconds].map(Number);
  if (
    (story === undefined) === (seed === undefined) ||
    !numbers.every((value) => Number.isSafeInteger(value) && value > 0)
  ) {
    process.stderr.write(usage);
    return 2;
  }
  if (story !== undefined) traceStory(readFileSync(story, 'utf8'), print);
  else
    await traceSeed(
      Number(seed),
      { host: nodeHost, size: { members: Number(members), seconds: Number(seconds) } },
      print,
    );
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
