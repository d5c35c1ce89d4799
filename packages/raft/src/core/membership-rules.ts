// The leaf decisions of membership (thesis ch. 4), a part of `Rules`: whose majorities decide, when a configuration is in
// force, when the next one may follow.

import type { Configuration, Index, Term } from './api.ts';
import type { VoterSets } from './quorum.ts';

/** What a majority is wanted for: votes, commit, or proof that the others still follow (reads, leases, check-quorum). */
export type QuorumUse = 'election' | 'commit' | 'contact';

/** The configurations of a log. */
export interface ConfigurationView {
  /** The newest, committed or not. */
  readonly configuration: Configuration;
  readonly configurationAt: (index: Index) => Configuration;
}

export interface ChangeQuestion {
  readonly isJoint: boolean;
  /** Where the newest configuration stands. */
  readonly index: Index;
  readonly commit: Index;
}

export type JointStep = (from: Configuration, to: Configuration) => Configuration;

export interface CampaignQuestion {
  readonly isVoter: boolean;
  /** Whether it is a voter of any configuration that may be in force somewhere, as far as it knows. */
  readonly mayBeNeeded: () => boolean;
}

export interface MembershipRules {
  /** thesis §4.1: which configuration of a log decides, when everything through `commit` is known to be committed. */
  readonly configurationInForce: (log: ConfigurationView, commit: Index) => Configuration;
  /** thesis §4.1, §4.3: whose majorities decide, in this configuration. */
  readonly voterSets: (configuration: Configuration, use: QuorumUse) => VoterSets;
  /** thesis §4.1: whether a configuration that is cut off is in force no longer. */
  readonly rollsBack: () => boolean;
  /** §7: which configuration begins a log that a snapshot replaces. */
  readonly configurationAfterRestore: (ofSnapshot: Configuration, before: Configuration) => Configuration;
  /** §7: which configuration a snapshot carries: the one as of its last entry, or the newest of the log. */
  readonly configurationOfSnapshot: (asOf: Configuration, newest: Configuration) => Configuration;
  /** Ongaro 2015: whether a leader with this newest committed entry may change the configuration. */
  readonly mayChange: (commitTerm: Term | undefined, currentTerm: Term) => boolean;
  /** thesis §4.1: whether the last change must end before another may begin. */
  readonly isChangePending: (change: ChangeQuestion) => boolean;
  /** thesis §4.3: the configuration that a change begins with; `joint` makes C_old,new where the voters differ. */
  readonly firstStep: (from: Configuration, to: Configuration, joint: JointStep) => Configuration;
  /** thesis §4.3: whether C_new may follow C_old,new, which stands at `index`. */
  readonly mayLeaveJoint: (joint: { readonly index: Index; readonly commit: Index }) => boolean;
  /** thesis §4.2.2: whether a leader steps down; the newest configuration stands at `index`. */
  readonly stepsDown: (newest: { readonly isVoter: boolean; readonly index: Index; readonly commit: Index }) => boolean;
  /** thesis §4.2.2: whether a server may campaign. */
  readonly mayCampaign: (question: CampaignQuestion) => boolean;
  /** §5.3: whether an answer counts, of a follower that was added when round `addedAfter` was the newest. */
  readonly acceptsRound: (round: number, addedAfter: number) => boolean;
}

export const membershipRules: MembershipRules = {
  // thesis §4.1: the newest in the log, committed or not. What is in force on commit only, leaders and followers believe at
  // different times, and a leader that is wanted for a change may not know that it takes part in it.
  configurationInForce: (log) => log.configuration,
  // thesis §4.3: while joint, voters and outgoing both. Learners never count (thesis §4.2.1).
  voterSets: (configuration) => configuration,
  rollsBack: () => true,
  configurationAfterRestore: (ofSnapshot) => ofSnapshot,
  // The newest may yet be cut off, and what a snapshot says never is.
  configurationOfSnapshot: (asOf) => asOf,
  mayChange: (commitTerm, currentTerm) => commitTerm === currentTerm,
  isChangePending: ({ isJoint, index, commit }) => isJoint || index > commit,
  firstStep: (from, to, joint) => joint(from, to),
  mayLeaveJoint: ({ index, commit }) => index <= commit,
  stepsDown: ({ isVoter, index, commit }) => !isVoter && index <= commit,
  // thesis §4.2.2: until its removal is committed, a server may be the only one that can be elected: it alone may have the
  // entry that removes it. Once it knows that it is gone, others have that entry, and it keeps quiet.
  mayCampaign: ({ isVoter, mayBeNeeded }) => isVoter || mayBeNeeded(),
  // What a server had before it was removed and came back, it may have no more.
  acceptsRound: (round, addedAfter) => round > addedAfter,
};
