// What every mutant is: the right rules but for the decision that its bug got wrong, under a name of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutants } from '@kontiki/raft/mutants';
import { paperRules } from '../../src/core/rules.ts';
import { driverRules } from '../../src/driver/rules.ts';

const decisions: Readonly<Record<string, string>> = {
  voteTwice: 'answerVote',
  voteForAnyLog: 'isUpToDate',
  longerLogWins: 'isUpToDate',
  lastTermWins: 'isUpToDate',
  heartbeatClearsVote: 'votedForAfterAppend',
  preVoteClearsVote: 'votedForAfterPreVote',
  preVoteRaisesTerm: 'preVoteRaisesTerm',
  voteKeptInNewTerm: 'votedForInNewTerm',
  leaderKeptInNewTerm: 'leaderInNewTerm',
  refusalIsVote: 'isVote',
  halfIsMajority: 'majority',
  candidateGivesUp: 'campaignsAgain',
  candidateIgnoresLeader: 'givesWay',
  higherTermInReplyIgnored: 'heedsTerm',
  leaderNeverResigns: 'resigns',
  transferWithoutFlag: 'tellsOfTransfer',
  commitOldTerms: 'mayCommitByCounting',
  matchFromNext: 'matchOf',
  oldRepliesCount: 'acceptsReply',
  ownCopyCountsUnwritten: 'ownMatch',
  adoptLeaderCommit: 'followerCommit',
  truncateAlways: 'truncateFrom',
  conflictKept: 'truncateFrom',
  heartbeatUnchecked: 'isConsistent',
  askBeforeDurable: 'leavesBeforeDurable',
  voteBeforeDurable: 'leavesBeforeDurable',
  voteForgotten: 'remembers',
  termForgotten: 'remembers',
  restartCommitsLog: 'remembers',
  claimBeforeDurable: 'mayClaim',
  heartbeatClaimsUnwritten: 'mayClaim',
  acknowledgementOvertakesWrite: 'mayLeave',
  durableKeptOverCut: 'durableAfterCut',
  lateWriteConfirmsOverwritten: 'flightAfterCut',
  applyAheadOfLog: 'applyThrough',
  diskErrorIgnored: 'isWritten',
  readBeforeNoop: 'mayServeReads',
  earlierRoundConfirms: 'firstRoundOfRead',
  readBeforeApplied: 'isApplied',
  deposedLeaderServes: 'servesWhenDeposed',
  readJoinsOlderRead: 'joinsOlderRead',
  oldSnapshotInstalled: 'hasAllOf',
  baseNotWritten: 'writesBase',
  compactPastFlushed: 'compactThrough',
  // Either alone is safe here: without C_old,new, the leader waits for its first commit; before it, C_old decides as well.
  singleServerTooSoon: 'mayChange and firstStep',
  jointByNewMajority: 'voterSets',
  jointReadByNewMajority: 'voterSets',
  learnerCounted: 'voterSets',
  configurationOnCommit: 'configurationInForce',
  configurationKeptOverCut: 'rollsBack',
  configurationKeptOverSnapshot: 'configurationAfterRestore',
  changeWhilePending: 'isChangePending',
  jointLeftTooSoon: 'mayLeaveJoint',
  removedCannotCampaign: 'mayCampaign',
};

test('each mutant decides wrongly what its bug did, and everything else as the paper does', () => {
  const found = mutants.map(({ name, rules }) => {
    const wrong = [...differences(rules.core, paperRules), ...differences(rules.driver, driverRules)];
    return [name, wrong.join(' and ')];
  });

  assert.deepEqual(Object.fromEntries(found), decisions);
});

test('no two mutants have one name', () => {
  const names = mutants.map(({ name }) => name);

  assert.deepEqual(names, [...new Set(names)]);
});

test('each mutant says in a sentence what is wrong, and which checkers may see it', () => {
  for (const { name, about, caughtBy } of mutants) {
    assert.match(about, /^[A-Z].*\.$/, name);
    assert.ok(caughtBy.length > 0, name);
  }
});

/** The decisions that are not the right record's own. */
function differences<R extends object>(rules: R | undefined, right: R): readonly string[] {
  if (rules === undefined) return [];
  assert.deepEqual(Object.keys(rules).sort(), Object.keys(right).sort());
  const keys = Object.keys(right) as (keyof R & string)[];
  return keys.filter((key) => key !== 'name' && rules[key] !== right[key]);
}
