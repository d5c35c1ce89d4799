/** A small differential run against the built server; `npm run differential` is the long one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requirePart } from '../support/real-parts.ts';
import { differentialRun } from './differential-run.ts';

const etcd = requirePart('etcd');
const seed = Number(process.env.SEED ?? 1);

test('a server of one member answers as etcd does', {
  skip: etcd.kind === 'absent' ? etcd.reason : false,
  timeout: 120_000,
}, async () => {
  const lines: string[] = [];
  const print = (line: string): number => lines.push(line);
  const isGreen = await differentialRun({
    requests: 400,
    seed,
    target: 'kontiki',
    members: 1,
    mismatchesMax: 1,
    print,
  });
  assert.ok(isGreen, lines.join('\n'));
});
