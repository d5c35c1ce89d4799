// Runs of sessions as `npm run sim` plays them. SEED=n chooses the first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionRules } from '@kontiki/raft/sessions';
import { count } from '../../src/sessions/counting.ts';

const first = Number(process.env.SEED ?? 1);

test('a counter ends at the number of increments, through kills, pauses, cuts and lost answers', () => {
  let leaseReads = 0;
  for (let seed = first; seed < first + 8; seed += 1) {
    const { figures, violations } = count(seed);

    assert.deepEqual(violations, [], `SEED=${seed}`);
    assert.deepEqual(new Set(figures.sums), new Set([figures.increments]), `SEED=${seed}`);
    assert.ok(figures.answersLost > 10 && figures.duplicates > 20, `SEED=${seed} ${JSON.stringify(figures)}`);
    leaseReads += figures.leaseReads;
  }
  assert.ok(leaseReads > 100, `${leaseReads} reads by lease`);
});

test('one seed is one run', () => {
  assert.deepEqual(count(first), count(first));
});

test('without sessions, a run counts too much', () => {
  const { violations } = count(first, { rules: { sessions: { ...sessionRules, mayExecute: () => true } } });

  assert.equal(violations[0]?.checker, 'KnownLogOracle');
});
