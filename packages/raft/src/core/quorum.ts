// Quorum arithmetic, for elections, commit and reads alike (§5.2, §5.3; joint configurations: thesis §4.3).
//
// The convention that makes joint cases need no special case: an empty set of voters agrees to everything. Knows nothing
// of nodes, logs or time.

import type { NodeId } from './api.ts';

/** The part of a configuration that decides. While joint, both sets must agree. */
export interface VoterSets {
  readonly voters: readonly NodeId[];
  readonly outgoing: readonly NodeId[];
}

export type VoteResult = 'won' | 'lost' | 'pending';

/** How many of so many voters decide. */
export type Majority = (size: number) => number;

/** How many of `size` voters are a majority. */
export function majority(size: number): number {
  return Math.floor(size / 2) + 1;
}

/**
 * The highest number that a majority of each set has reached: an index that is stored, a round that was answered, a
 * moment that was confirmed. Infinity when there are no voters at all.
 */
export function reachedByQuorum(sets: VoterSets, reached: (voter: NodeId) => number, enough: Majority): number {
  const incoming = reachedByMajority(sets.voters, reached, enough);
  if (sets.outgoing.length === 0) return incoming;
  return Math.min(incoming, reachedByMajority(sets.outgoing, reached, enough));
}

function reachedByMajority(voters: readonly NodeId[], reached: (voter: NodeId) => number, enough: Majority): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  const ascending: number[] = [];
  for (const voter of voters) {
    const value = reached(voter);
    let at = ascending.length;
    for (; at > 0 && (ascending[at - 1] ?? 0) > value; at -= 1) ascending[at] = ascending[at - 1] ?? 0;
    ascending[at] = value;
  }
  return ascending[voters.length - enough(voters.length)] ?? 0;
}

/** Won once a majority of each set said yes; lost once a majority of either set cannot come together any more. */
export function voteResult(
  sets: VoterSets,
  ballot: (voter: NodeId) => boolean | undefined,
  enough: Majority,
): VoteResult {
  const incoming = majorityResult(sets.voters, ballot, enough);
  const outgoing = majorityResult(sets.outgoing, ballot, enough);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}

function majorityResult(
  voters: readonly NodeId[],
  ballot: (voter: NodeId) => boolean | undefined,
  enough: Majority,
): VoteResult {
  if (voters.length === 0) return 'won';
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = ballot(voter);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  const needed = enough(voters.length);
  if (granted >= needed) return 'won';
  return granted + missing < needed ? 'lost' : 'pending';
}
