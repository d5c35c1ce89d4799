/**
 * `npm run differential -- --requests 5000 [--seed S] [--target kontiki|etcd] [--members 1,3] [--mismatches N]`
 *
 * The same seeded requests go to one etcd and to a target; every answer must be equal but for what field-rules.ts masks
 * and docs/etcd-api.md lists. With `--target etcd` the tool is held against etcd itself: nothing may differ.
 */

import { parseArgs } from 'node:util';
import { differentialRun, type TargetName } from './differential-run.ts';

const usage = 'usage: --requests N [--seed S] [--target kontiki|etcd] [--members 1,3] [--mismatches N]';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '5000' },
    seed: { type: 'string', default: process.env.SEED ?? String(Math.floor(Math.random() * 2 ** 31)) },
    target: { type: 'string', default: 'kontiki' },
    members: { type: 'string', default: '1,3' },
    mismatches: { type: 'string', default: '1' },
  },
});

function count(text: string, option: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${option} ${text}: not a count. ${usage}`);
  return number;
}

function targetName(text: string): TargetName {
  if (text !== 'kontiki' && text !== 'etcd') throw new Error(`--target ${text}: not a target. ${usage}`);
  return text;
}

// Node ends without `exit` handlers on a signal, and the members would stay.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

for (const members of values.members.split(',')) {
  const isGreen = await differentialRun({
    requests: count(values.requests, 'requests'),
    seed: count(values.seed, 'seed'),
    target: targetName(values.target),
    members: count(members, 'members'),
    mismatchesMax: count(values.mismatches, 'mismatches'),
    print: (line) => process.stdout.write(`${line}\n`),
  });
  if (!isGreen) process.exit(1);
}
