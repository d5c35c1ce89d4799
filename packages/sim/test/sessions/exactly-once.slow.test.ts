// 50 clients, 200 kills and lost answers: the counter ends at exactly the number of increments; with sessions left out
// it does not. SEED=n chooses the run. What each rule of sessions is there for, `npm run mutants` shows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionMutants } from '@kontiki/raft/mutants';
import { count } from '../../src/sessions/counting.ts';

const seed = Number(process.env.SEED ?? 1);
const plan = { clients: 50, kills: 200, members: seed % 2 === 0 ? 5 : 3 };

test('a counter incremented by 50 clients through 200 kills ends at exactly the number of increments', () => {
  const { figures, violations } = count(seed, { plan });
  console.log(`SEED=${seed} ${JSON.stringify(figures)}`);

  assert.deepEqual(violations, []);
  assert.deepEqual(new Set(figures.sums), new Set([figures.increments]));
  assert.equal(figures.kills, 200);
  assert.ok(figures.answersLost >= 200, `${figures.answersLost} answers were lost: that shows nothing`);
  assert.ok(figures.leaderChanges >= 50, `${figures.leaderChanges} changes of leader`);
  assert.ok(figures.restoredSnapshots >= 5, `${figures.restoredSnapshots} snapshots were sent`);
  assert.ok(figures.duplicates >= 1000, `${figures.duplicates} copies were recognised`);
  assert.ok(figures.reads >= 500, `${figures.reads} reads`);
});

test('with sessions switched off, the same run counts too much', () => {
  const off = sessionMutants.find(({ name }) => name === 'sessionsOff');
  assert.ok(off !== undefined);
  const { figures } = count(seed, { plan, rules: off.rules });
  console.log(`SEED=${seed} ${off.name} ${JSON.stringify(figures)}`);

  assert.equal(figures.kills, 200);
  assert.ok(figures.sums.every((sum) => sum > figures.increments));
});
