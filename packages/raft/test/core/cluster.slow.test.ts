// More random clusters, and the proof that they can fail: each rule that is wrong on purpose is found out by the observer
// outside, with the node's own invariants switched off.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paperRules, type Rules } from '../../src/core/rules.ts';
import { drawCluster } from './cluster.ts';
import { runSeeds, seedsOf, turnsOf } from './run-seeds.ts';

test('many clusters under faults stay safe after every step, and make progress once healed', () => {
  runSeeds(seedsOf(1001, 400));
});

test('clusters whose nodes are dumped and loaded all the time stay safe as well', () => {
  runSeeds(seedsOf(5001, 40), { reload: true });
});

/** What breaks, what the observer says, and among how many seeds it must have said it. */
const mutants: readonly (readonly [string, Partial<Rules>, RegExp, number])[] = [
  ['an older log may lead', { isUpToDate: () => true }, /LeaderCompleteness/, 60],
  [
    'entries of old terms are committed by counting',
    { mayCommitByCounting: () => true },
    /LeaderCompleteness|StateMachineSafety/,
    400,
  ],
  ['a vote is forgotten with a heartbeat', { votedForAfterAppend: () => undefined }, /ElectionSafety/, 600],
  [
    'a vote is given to everybody',
    { answerVote: ({ candidateLast, ownLast }, isUpToDate) => (isUpToDate(candidateLast, ownLast) ? 'grant' : 'log') },
    /ElectionSafety/,
    200,
  ],
  [
    'a follower commits what its leader has',
    { followerCommit: ({ leaderCommit }) => leaderCommit },
    /StateMachineSafety/,
    100,
  ],
  [
    'every AppendEntries truncates',
    { truncateFrom: ({ prev }) => (prev + 1) as never },
    /overwrites|LeaderCompleteness|no progress|durable/,
    20,
  ],
  ['a vote request leaves before it is durable', { leavesBeforeDurable: () => true }, /ElectionSafety/, 600],
  [
    'an acknowledgement claims what is not durable',
    { mayClaim: (_durable, appended) => appended },
    /have it durable/,
    20,
  ],
  ['a read does not wait for the no-op', { mayServeReads: () => true }, /stale read/, 60],
  ['replies of old terms count', { acceptsReply: () => true }, /ElectionSafety|durable|LeaderCompleteness/, 400],
];

for (const [title, mutation, expected, within] of mutants) {
  test(`the observer finds out when ${title}`, () => {
    const rules: Rules = { ...paperRules, ...mutation, name: title };
    for (let seed = 1; seed <= within; seed += 1) {
      try {
        const cluster = drawCluster(seed, { rules, ownInvariants: false });
        for (let count = 0; count < turnsOf; count += 1) cluster.event();
        cluster.heal();
        cluster.converge(600);
      } catch (error) {
        assert.match(String(error), expected, `SEED=${seed}`);
        return;
      }
    }
    assert.fail(`not found in ${within} seeds`);
  });
}
