// The leaf decisions of the algorithm as one record of pure functions: each answers one question that the paper answers
// in a sentence. The handlers hold everything else. Other records (teaching, mutants) live in entry points of their own,
// which no server reaches; this file knows only the paper's.

import type { Index, LogId, Message, NodeId, Term } from './api.ts';
import { type MembershipRules, membershipRules } from './membership-rules.ts';
import { lower } from './numbers.ts';
import { majority } from './quorum.ts';

export interface VoteQuestion {
  readonly candidate: NodeId;
  readonly candidateLast: LogId;
  readonly votedFor: NodeId | undefined;
  readonly ownLast: LogId;
}

/** Something that happened to the election timer of a node. */
export type TimerEvent = 'appendEntries' | 'voteGranted' | 'voteRefused' | 'electionStarted';

export interface Rejection {
  /** The `prev` that did not match. */
  readonly rejected: Index;
  readonly match: Index;
  readonly conflictTerm: Term | undefined;
  readonly tryIndex: Index;
  /** The leader's own last entry of a term before `rejected`. */
  readonly lastOfTerm: (term: Term) => Index | undefined;
}

export interface Cut {
  /** The first entry that the log has with another term than the message. */
  readonly conflict: Index | undefined;
  readonly prev: Index;
  readonly last: Index;
}

export interface FollowerCommit {
  readonly leaderCommit: Index;
  /** The last entry that this message covered: `prev` and its entries. */
  readonly covered: Index;
  readonly last: Index;
}

export interface Rules extends MembershipRules {
  readonly name: string;
  /** §5.1: whether a message of this kind with a higher term makes any node a follower of that term. */
  readonly heedsTerm: (kind: Message['kind']) => boolean;
  /** §5.2: what `votedFor` is when a term begins by hearing of it. */
  readonly votedForInNewTerm: (votedFor: NodeId | undefined) => NodeId | undefined;
  /** thesis §6.2: whom a node takes for the leader of a term of which it knows no leader yet. */
  readonly leaderInNewTerm: (leader: NodeId | undefined) => NodeId | undefined;
  /** §5.2: how long an election timer runs: the shortest timeout, and what was drawn in [0, shortest). */
  readonly electionTimeout: (shortest: number, drawn: number) => number;
  /** §5.2: whether a candidate whose timer ran out starts another election. */
  readonly campaignsAgain: () => boolean;
  /** §5.2: whether a candidate gives way to a leader of its own term. */
  readonly givesWay: () => boolean;
  /** §5.2: whether an answer to a vote request is a vote. */
  readonly isVote: (granted: boolean) => boolean;
  /** §5.2: how many of so many voters decide. */
  readonly majority: (voters: number) => number;
  /** thesis §9.6: whether being asked for a pre-vote raises the term. */
  readonly preVoteRaisesTerm: () => boolean;
  /** thesis §9.6: what `votedFor` is after a pre-vote was answered. */
  readonly votedForAfterPreVote: (votedFor: NodeId | undefined) => NodeId | undefined;
  /** thesis §6.2: whether a leader resigns, that long after the newest round that a quorum has answered. */
  readonly resigns: (sinceContact: number, electionTicks: number) => boolean;
  /** thesis §4.2.3, §3.10: whether a vote request says that the leader itself wants this election. */
  readonly tellsOfTransfer: (isTransfer: boolean) => boolean;
  /** §5.4.1: whether a log may lead this one. */
  readonly isUpToDate: (candidate: LogId, own: LogId) => boolean;
  /** §5.2, §5.4.1: what to answer a vote request of the current term. */
  readonly answerVote: (question: VoteQuestion, isUpToDate: Rules['isUpToDate']) => 'grant' | 'voted' | 'log';
  /** §5.2: what `votedFor` is after AppendEntries of the current term. */
  readonly votedForAfterAppend: (votedFor: NodeId | undefined, leader: NodeId) => NodeId | undefined;
  /** §5.2: whether this event sets the election timer back. */
  readonly resetsTimer: (event: TimerEvent) => boolean;
  /** §8: whether a new leader begins its term with an entry of its own. */
  readonly appendsNoop: () => boolean;
  /** thesis §10.2.1: how far a leader counts its own log. */
  readonly ownMatch: (durable: Index, last: Index) => Index;
  /** §5.3: how far a follower's log is proven, given what its answer says and what is to be sent to it next. */
  readonly matchOf: (answered: Index, next: Index) => Index;
  /** §5.4.2: whether an entry that a quorum has stored is thereby committed. */
  readonly mayCommitByCounting: (entryTerm: Term, currentTerm: Term) => boolean;
  /** §5.3: whether a log that may have the entry at `prev` passes the consistency check. */
  readonly isConsistent: (hasPrev: boolean, entries: number) => boolean;
  /** §5.3: how far a follower may commit after a message. What lies past its log is never committed. */
  readonly followerCommit: (question: FollowerCommit) => Index;
  /** §5.3: from where a follower cuts its log before it appends; undefined keeps all. */
  readonly truncateFrom: (cut: Cut) => Index | undefined;
  /** §5.3: which entry to try next after a rejection; brought into (match, rejected] by the caller. */
  readonly backOff: (rejection: Rejection) => Index;
  /** §5.1: whether a reply counts, given the term it was sent in. */
  readonly acceptsReply: (replyTerm: Term, currentTerm: Term) => boolean;
  /** §8, thesis §6.4: whether a leader with this newest committed entry may serve reads. */
  readonly mayServeReads: (commitTerm: Term | undefined, currentTerm: Term) => boolean;
  /** thesis §6.4, step 3: the first round that may confirm a read, given the newest that was sent when the read came. */
  readonly firstRoundOfRead: (newest: number) => number;
  /** Figure 2, persistent state: whether a message that a write stands behind leaves before that write is durable. */
  readonly leavesBeforeDurable: (message: Message) => boolean;
  /** Figure 2, persistent state: what an answer to so many entries may claim, of a log durable up to one index and appended to another. */
  readonly mayClaim: (durable: Index, appended: Index, entries: number) => Index;
  /** Figure 2, persistent state: how far the disk has what the log has, once the log was cut after `last`. */
  readonly durableAfterCut: (durable: Index, last: Index) => Index;
  /** The same for the last entry of a write that is out. */
  readonly flightAfterCut: (flight: LogId, last: LogId) => LogId;
  /** thesis §10.2.1: how far the state machine is given entries. */
  readonly applyThrough: (commit: Index, durable: Index) => Index;
  /** thesis §6.4, step 4: whether a confirmed read may be served. */
  readonly isApplied: (applied: Index, readIndex: Index) => boolean;
  /** thesis §6.4: whether a leader that steps down serves the reads that it could not confirm. */
  readonly servesWhenDeposed: () => boolean;
  /** Figure 13, steps 6 and 7: whether the log has all that a snapshot covers. */
  readonly hasAllOf: (snapshot: { readonly last: LogId; readonly commit: Index; readonly isInLog: boolean }) => boolean;
  /** Figure 13, step 7: whether the base of a log is written with it. */
  readonly writesBase: () => boolean;
  /** thesis §6.4.1: how long a lease lasts after the round that earned it was sent. */
  readonly leaseTicks: (electionTicks: number, clockDriftPercent: number) => number;
}

export const paperRules: Rules = {
  name: 'paper',
  ...membershipRules,
  heedsTerm: () => true,
  // §5.2: one vote a term, and a new one for each.
  votedForInNewTerm: () => undefined,
  // thesis §6.2: a leader of an earlier term is nobody to send clients to.
  leaderInNewTerm: () => undefined,
  // §5.2: candidates that collided will hardly collide again.
  electionTimeout: (shortest, drawn) => shortest + drawn,
  campaignsAgain: () => true,
  givesWay: () => true,
  isVote: (granted) => granted,
  majority,
  preVoteRaisesTerm: () => false,
  votedForAfterPreVote: (votedFor) => votedFor,
  // thesis §6.2: clients must look elsewhere, for there may be another leader.
  resigns: (sinceContact, electionTicks) => sinceContact >= electionTicks,
  // thesis §3.10: whoever hears a leader would not answer otherwise.
  tellsOfTransfer: (isTransfer) => isTransfer,
  // §5.4.1: the later last term wins; with equal terms, the longer log.
  isUpToDate: (candidate, own) =>
    candidate.term > own.term || (candidate.term === own.term && candidate.index >= own.index),
  // §5.2: first come, first served, one vote a term. §5.4.1: and only for a log that is not behind.
  answerVote: (question, isUpToDate) => {
    if (question.votedFor !== undefined && question.votedFor !== question.candidate) return 'voted';
    return isUpToDate(question.candidateLast, question.ownLast) ? 'grant' : 'log';
  },
  // Within a term a vote is never taken back: forgetting it would let this node vote twice.
  votedForAfterAppend: (votedFor) => votedFor,
  // §5.2: not on a refused request, else a server that cannot win keeps everybody quiet for ever.
  resetsTimer: (event) => event !== 'voteRefused',
  appendsNoop: () => true,
  // thesis §10.2.1: its own disk may be the last of them to have an entry.
  ownMatch: (durable) => durable,
  // §5.3: what was sent is a hope; only what was answered is known.
  matchOf: (answered) => answered,
  // §5.4.2: an older entry on a majority may still be overwritten (figure 8); it is committed together with one of ours.
  mayCommitByCounting: (entryTerm, currentTerm) => entryTerm === currentTerm,
  // §5.3: a heartbeat is an AppendEntries like any other.
  isConsistent: (hasPrev) => hasPrev,
  // §5.3: what follows the last covered entry has not been compared with the leader's log.
  followerCommit: ({ leaderCommit, covered }) => lower(leaderCommit, covered),
  // §5.3: only on a real conflict; a late, shorter message must not erase what was acknowledged.
  truncateFrom: ({ conflict }) => conflict,
  // §5.3: skip the conflicting term as a whole; where the leader has that term too, its last entry of it may match.
  backOff: ({ rejected, conflictTerm, tryIndex, lastOfTerm }) => {
    if (rejected < tryIndex || conflictTerm === undefined) return tryIndex;
    const own = lastOfTerm(conflictTerm);
    return own === undefined ? tryIndex : ((own + 1) as Index);
  },
  acceptsReply: (replyTerm, currentTerm) => replyTerm === currentTerm,
  mayServeReads: (commitTerm, currentTerm) => commitTerm === currentTerm,
  // thesis §6.4: only an answer to a later round proves that nobody else had been elected when the read came.
  firstRoundOfRead: (newest) => newest + 1,
  leavesBeforeDurable: () => false,
  mayClaim: (durable, appended) => lower(durable, appended),
  // What was cut off may be on the disk, but as other entries than will stand there.
  durableAfterCut: lower,
  flightAfterCut: (flight, last) => (flight.index > last.index ? last : flight),
  // thesis §10.2.1: a commit may precede the own disk, and what a restart has lost must not be in the state machine.
  applyThrough: lower,
  isApplied: (applied, readIndex) => applied >= readIndex,
  servesWhenDeposed: () => false,
  // Figure 13, step 6. What is committed is the same everywhere (§5.4.3), also where the log has dropped it.
  hasAllOf: ({ last, commit, isInLog }) => last.index <= commit || isInLog,
  writesBase: () => true,
  // The clock assumption: over one election timeout, no two clocks drift apart by more than this part of it. One tick more
  // for counting in whole ticks.
  leaseTicks: (electionTicks, clockDriftPercent) => Math.floor((electionTicks * (100 - clockDriftPercent)) / 100) - 1,
};
