/**
 * `npm run differential -- --requests 5000 [--seed S] [--target kontiki|etcd] [--members 1,3] [--mismatches N]`
 *
 * The same seeded requests go to one etcd and to a target; every answer must be equal but for what field-rules.ts masks
 * and docs/etcd-api.md lists. With `--target etcd` the tool is held against etcd itself: nothing may differ.
 */

import { Option } from '@commander-js/extra-typings';
import { count, longCommand, oneOf, seed as seedOf } from '../../../../scripts/long-command.ts';
import { differentialRun } from './differential-run.ts';

const {
  requests,
  seed = Math.floor(Math.random() * 2 ** 31),
  target = 'kontiki',
  members,
  mismatches,
} = longCommand(
  'differential',
  'The same random requests to an etcd and to Kontiki; every answer must be equal, but for what docs/etcd-api.md lists.',
)
  .option('--requests <N>', 'how many, to each', count, 5000)
  .addOption(new Option('--seed <N>', 'draws them; any if absent').env('SEED').argParser(seedOf))
  .option('--target <NAME>', 'what is held against etcd: kontiki if absent, or etcd itself', oneOf(['kontiki', 'etcd']))
  .option('--members <N,…>', 'sizes of the clusters, one after the other', sizes, [1, 3])
  .option('--mismatches <N>', 'how many are told before it ends', count, 1)
  .parse()
  .opts();

function sizes(text: string): number[] {
  return text.split(',').map((size) => count(size));
}

// Node ends without `exit` handlers on a signal, and the members would stay.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const print = (line: string): void => void process.stdout.write(`${line}\n`);
for (const size of members) {
  const run = { requests, seed, target, members: size, mismatchesMax: mismatches, print };
  if (!(await differentialRun(run))) process.exit(1);
}
