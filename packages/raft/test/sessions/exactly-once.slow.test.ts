// 50 clients, 200 kills and lost answers: the counter ends at exactly the number of increments, and with either half of the
// sessions left out it does not. SEED=n chooses the run.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SessionRules, sessionRules } from '@kontiki/raft/sessions';
import { type Count, count } from './counting.ts';

const seed = Number(process.env.SEED ?? 1);

function play(rules?: SessionRules): Count {
  const result = count(seed, { clients: 50, kills: 200, size: seed % 2 === 0 ? 5 : 3, ...(rules ? { rules } : {}) });
  const { tables, ...figures } = result;
  console.log(`SEED=${seed} ${rules?.name ?? 'sessions'} ${tables.size} ${JSON.stringify(figures)}`);
  assert.equal(result.kills, 200);
  assert.ok(result.answersLost >= 200, `${result.answersLost} answers were lost: that shows nothing`);
  assert.ok(result.leaderChanges >= 50, `${result.leaderChanges} changes of leader`);
  assert.ok(result.restoredSnapshots >= 5, `${result.restoredSnapshots} snapshots were sent`);
  return result;
}

test('a counter incremented by 50 clients through 200 kills ends at exactly the number of increments', () => {
  const { sums, increments, tables, duplicates } = play();

  assert.deepEqual(new Set(sums), new Set([increments]));
  assert.equal(tables.size, 1, 'all members hold the same sessions');
  assert.ok(duplicates >= 1000, 'and many came twice');
});

test('with sessions switched off, the same run counts too much', () => {
  const { sums, increments } = play({ ...sessionRules, name: 'off', mayExecute: () => true });

  assert.ok(sums.every((sum) => sum > increments));
});

test('with replies left out of snapshots, the same run counts too much, and not the same everywhere', () => {
  const { sums, increments } = play({ ...sessionRules, name: 'noReplies', keepsRepliesInSnapshot: () => false });

  assert.ok(sums.some((sum) => sum > increments));
});
