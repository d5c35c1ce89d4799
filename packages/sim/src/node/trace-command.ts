// `npm run trace`: a trace for etcd-io/raft's trace specification, on the standard output. docs/tla-trace.md.

import { readFileSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { traceStory } from '@kontiki/sim';

const usage = 'usage: npm run trace --silent -- --story FILE > trace.ndjson\n';

function main(): number {
  const { values } = parseArgs({ options: { story: { type: 'string' } } });
  if (values.story === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  // Synchronous, so that a pipe that is closed early ends the command and not only its output.
  traceStory(readFileSync(values.story, 'utf8'), (line) => void writeSync(1, `${line}\n`));
  return 0;
}

try {
  process.exitCode = main();
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
