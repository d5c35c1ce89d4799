// What every mutant is: the right rules but for the decision that its bug got wrong, under a name of its own, and with
// checkers that may see it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kvRules } from '@kontiki/kv';
import { memberRules } from '@kontiki/member';
import { driverRules, paperRules } from '@kontiki/raft/mutants';
import { sessionRules } from '@kontiki/raft/sessions';
import { transportRules } from '@kontiki/transport';
import { walRules } from '@kontiki/wal';
import { isCheckerName } from '../src/checkers/names.ts';
import { mutants } from '../src/mutants.ts';

const right: Readonly<Record<string, object>> = {
  core: paperRules,
  driver: driverRules,
  wal: walRules,
  transport: transportRules,
  kv: kvRules,
  member: memberRules,
  sessions: sessionRules,
};

/** By package and mutant: what it decides wrongly. */
const decisions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  raft: {
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
  },
  wal: {
    batchUnsynced: 'syncsBatch',
    syncTriedAgain: 'syncsAgain',
    voteLeftLazy: 'mayWait',
    tornTailRefused: 'decide',
    tornRecordTaken: 'isProven',
    laterBatchIgnored: 'decide',
    durableIndexIgnored: 'claim',
    pageCacheTrusted: 'renewsTail',
    truncationForgotten: 'overwriteCuts',
    segmentNameUnsynced: 'syncsDirectory',
    segmentsDroppedUnordered: 'syncsDirectory',
    snapshotNameUnsynced: 'syncsDirectory',
    snapshotUnsynced: 'syncsSnapshot',
  },
  transport: {
    wipedMemberWelcomed: 'isSameDisk',
    garbledFrameTaken: 'isWhole',
    sentRequestCalledRefused: 'withoutConnection',
    answersInOrder: 'answered',
  },
  kv: {
    positionBehindRows: 'positionWith',
    positionAheadOfRows: 'positionWith',
    flushReportedEarly: 'isDurable',
    leasesNotInSnapshot: 'isInSnapshot',
    recordsNotInSnapshot: 'isInSnapshot',
    nothingIsARevision: 'revisionOfNothing',
    deletionCompactedAway: 'forgetsDeletionsTo',
    leaseLeavesKeys: 'endsKeys',
    oldLeaseKept: 'leavesLease',
    syncedOneEarly: 'isSynced',
    eventsBeforeStart: 'concerns',
    progressBeforeStart: 'mayReportProgress',
    progressOvertakesEvents: 'mayReportProgress',
    slowWatcherLosesEvents: 'whenFull',
    compactedWatcherMoved: 'whenCompacted',
    installSkipsWatchers: 'rereadsAfterInstall',
    revisionTornApart: 'responses',
  },
  member: {
    lostCommandGivenAgain: 'afterLost',
    commandLostWithLeader: 'isLostWithLeader',
    snapshotTakenForOverwrite: 'isHidden',
    waiterBySequence: 'isOurs',
    readWithoutBarrier: 'readsWait',
    expiryByDeposedLeader: 'fencesExpiry',
    renewalUnconfirmed: 'confirmsLeadership',
    newLeaderCutsTtl: 'ttlOfNewLeader',
    leasesRunTwiceAsFast: 'leaseSecond',
  },
  sessions: {
    sessionsOff: 'mayExecute',
    repliesNotInSnapshot: 'keepsRepliesInSnapshot',
    expiryByLocalClock: 'expiryTime',
    unknownSessionExecutes: 'executesUnknown',
    sessionReadDoesNotWait: 'servesSession',
  },
};

test('each mutant decides wrongly what its bug did, and everything else right', () => {
  const found: Record<string, Record<string, string>> = {};
  for (const mutant of mutants) {
    const records = Object.entries(mutant.rules);
    for (const [, rules] of records) assert.equal(rules.name, mutant.name);
    const wrong = records.flatMap(([record, rules]) => differences(rules, right[record] ?? assert.fail(record)));
    found[mutant.package] = { ...found[mutant.package], [mutant.name]: wrong.join(' and ') };
  }

  assert.deepEqual(found, decisions);
});

test('no two mutants of all packages have one name', () => {
  const names = mutants.map(({ name }) => name);

  assert.deepEqual(names, [...new Set(names)]);
});

test('each mutant says in a sentence what is wrong', () => {
  for (const { name, about } of mutants) assert.match(about, /^[A-Z].*\.$/, name);
});

test('each mutant names checkers that exist, and at least one', () => {
  const wrong = mutants.filter(({ caughtBy }) => caughtBy.length === 0 || !caughtBy.every(isCheckerName));

  assert.deepEqual(
    wrong.map(({ name, caughtBy }) => `${name}: ${caughtBy.join(' ')}`),
    [],
  );
});

/** The decisions that are not the right record's own. */
function differences<R extends object>(rules: R, right: R): readonly string[] {
  assert.deepEqual(Object.keys(rules).sort(), Object.keys(right).sort());
  const keys = Object.keys(right) as (keyof R & string)[];
  return keys.filter((key) => key !== 'name' && rules[key] !== right[key]);
}
