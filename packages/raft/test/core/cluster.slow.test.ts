// More random clusters, and the proof that they can fail: each rule that is wrong on purpose is found out by the observer
// outside, with the node's own invariants switched off. (Committing by counting alone, figure 8, takes a schedule that
// chance hardly finds; a story plays it.)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paperRules, type Rules } from '../../src/core/rules.ts';
import { drawCluster, roughCluster } from './draw-cluster.ts';
import { runSeeds, runToTheEnd, seedsOf } from './run-seeds.ts';

test('many clusters under faults stay safe after every step, and make progress once healed', () => {
  runSeeds(seedsOf(1001, 120));
});

test('small clusters under constant campaigns and power failures stay safe as well', () => {
  runSeeds(seedsOf(1, 120), roughCluster);
});

test('so do clusters whose nodes are dumped and loaded all the time', () => {
  runSeeds(seedsOf(5001, 15), (seed) => drawCluster(seed, { reload: true }));
});

/** What breaks, where it is soonest found, and what the observer says. */
const mutants: readonly (readonly [string, Partial<Rules>, typeof drawCluster, RegExp])[] = [
  ['an older log may lead', { isUpToDate: () => true }, drawCluster, /LeaderCompleteness/],
  ['a vote is forgotten with a heartbeat', { votedForAfterAppend: () => undefined }, roughCluster, /ElectionSafety/],
  [
    'a vote is given to everybody',
    { answerVote: ({ candidateLast, ownLast }, isUpToDate) => (isUpToDate(candidateLast, ownLast) ? 'grant' : 'log') },
    roughCluster,
    /ElectionSafety/,
  ],
  [
    'a follower commits what its leader has',
    { followerCommit: ({ leaderCommit }) => leaderCommit },
    drawCluster,
    /StateMachineSafety/,
  ],
  [
    'every AppendEntries truncates',
    { truncateFrom: ({ prev }) => (prev + 1) as never },
    drawCluster,
    /overwrites|LeaderCompleteness|no progress|durable/,
  ],
  ['a vote request leaves before it is durable', { leavesBeforeDurable: () => true }, roughCluster, /ElectionSafety/],
  [
    'an acknowledgement claims what is not durable',
    { mayClaim: (_durable, appended) => appended },
    drawCluster,
    /have it durable/,
  ],
  ['a read does not wait for the no-op', { mayServeReads: () => true }, drawCluster, /stale read/],
  [
    'the old voters do not count while joint',
    { voterSets: ({ voters }) => ({ voters, outgoing: [] }) },
    drawCluster,
    /have it durable|ElectionSafety|LeaderCompleteness/,
  ],
  [
    'learners count',
    {
      voterSets: (now, use) =>
        use === 'commit' ? { voters: [...now.voters, ...now.learners], outgoing: now.outgoing } : now,
    },
    drawCluster,
    /have it durable/,
  ],
  [
    'voters change without C_old,new',
    { firstStep: (_from, to) => to },
    drawCluster,
    /LeaderCompleteness|ElectionSafety/,
  ],
  [
    'C_new does not wait for C_old,new',
    { mayLeaveJoint: () => true },
    drawCluster,
    /LeaderCompleteness|ElectionSafety/,
  ],
  [
    'a configuration is in force on commit',
    { configurationInForce: (log, commit) => log.configurationAt(commit) },
    drawCluster,
    /another configuration/,
  ],
  ['a configuration that is cut off stays', { rollsBack: () => false }, drawCluster, /another configuration/],
  [
    'a snapshot carries the newest configuration',
    { configurationOfSnapshot: (_asOf, newest) => newest },
    drawCluster,
    /another configuration/,
  ],
  [
    'a snapshot leaves the old configuration in force',
    { configurationAfterRestore: (_ofSnapshot, before) => before },
    drawCluster,
    /another configuration/,
  ],
  ['replies of old terms count', { acceptsReply: () => true }, roughCluster, /ElectionSafety|durable/],
];
const seedsMax = 300;

for (const [title, mutation, draw, expected] of mutants) {
  test(`the observer finds out when ${title}`, () => {
    const rules: Rules = { ...paperRules, ...mutation, name: title };
    for (let seed = 1; seed <= seedsMax; seed += 1) {
      try {
        runToTheEnd(draw(seed, { rules, ownInvariants: false }));
      } catch (error) {
        assert.match(String(error), expected, `SEED=${seed}`);
        return;
      }
    }
    assert.fail(`not found in ${seedsMax} seeds`);
  });
}
