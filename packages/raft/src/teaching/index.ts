// Other leaf decisions than the paper's, for lessons and for tests: each shows what a rule is there for. No server,
// driver or member reaches this entry point.
//
// Pre-vote and check-quorum are not here: they are options of a node, which a story sets with `set prevote=off`.

import type { Index } from '../core/api.ts';
import { paperRules, type Rules } from '../core/rules.ts';

/** What a lesson decides otherwise than the paper. */
export type Lesson = Partial<Omit<Rules, 'name'>>;

/** Slower or less live than the paper's rules, and as safe. */
export const safeLessons: Readonly<Record<string, Lesson>> = {
  /** A new leader appends nothing of its own, as in the paper's figures: old entries wait for the first command. */
  'no-noop': { appendsNoop: () => false },
  /** §5.3 without the optimization: after a rejection, try one entry earlier. */
  'plain-back-off': { backOff: ({ rejected }) => rejected },
  /** After a rejection, try halfway between what is proven and what was refused. */
  'halving-back-off': { backOff: ({ match, rejected }) => Math.ceil((match + rejected) / 2) as Index },
  /** §5.2 misread: any vote request sets the timer back, also one that is refused. Safe, but not live. */
  'reset-timer-on-refusal': { resetsTimer: () => true },
};

/** Each breaks a property of figure 3, or what is built on it. docs/divergence.md says how for two of them. */
export const unsafeLessons: Readonly<Record<string, Lesson>> = {
  /** A heartbeat of the same term makes a follower forget whom it voted for. */
  'clear-vote-on-heartbeat': { votedForAfterAppend: () => undefined },
  /** The same, but only where the vote had gone to another than this leader, whose own voters then keep theirs. */
  'clear-other-vote-on-heartbeat': {
    votedForAfterAppend: (votedFor, leader) => (votedFor === leader ? votedFor : undefined),
  },
  /** A follower takes the leader's commit index, bounded by its log only. */
  'adopt-leader-commit': {
    followerCommit: ({ leaderCommit, last }) => Math.min(leaderCommit, last) as Index,
  },
  /** §5.4.2 left out: an entry on a majority is committed, whatever its term. */
  'commit-old-terms': { mayCommitByCounting: () => true },
  /** §5.4.1 left out: a vote goes to whoever asks first. */
  'skip-up-to-date': { isUpToDate: () => true },
  /** A follower cuts its log behind `prev`, conflict or not. */
  'truncate-always': { truncateFrom: ({ prev, last }) => (prev < last ? ((prev + 1) as Index) : undefined) },
  /** Vote requests leave before the candidate's own vote is durable. */
  'ask-before-durable': { leavesBeforeDurable: (message) => message.kind === 'requestVote' },
  /** Votes leave before they are durable. */
  'vote-before-durable': { leavesBeforeDurable: (message) => message.kind === 'requestVoteReply' },
  /** Every answer to a leader claims what is in memory, durable or not. */
  'claim-before-durable': { mayClaim: (_durable, appended) => appended },
  /** §8 left out: a leader serves reads before it has committed an entry of its own term. */
  'read-before-noop': { mayServeReads: () => true },
  /** Answers to a round that was sent before the read came confirm it all the same. */
  'confirm-by-earlier-round': { firstRoundOfRead: (newest) => newest },
  /** Replies of earlier terms count. */
  'accept-old-replies': { acceptsReply: () => true },
};

export const lessons: Readonly<Record<string, Lesson>> = { ...safeLessons, ...unsafeLessons };

/** The paper's rules with these lessons instead of what they decide; `undefined` names a lesson that does not exist. */
export function rulesOf(names: readonly string[]): Rules | undefined {
  let rules = paperRules;
  for (const name of names) {
    const lesson = lessons[name];
    if (lesson === undefined) return undefined;
    rules = { ...rules, ...lesson, name: rules === paperRules ? name : `${rules.name} ${name}` };
  }
  return rules;
}
