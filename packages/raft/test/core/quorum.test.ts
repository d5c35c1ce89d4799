// The clever quorum arithmetic against a naive twin: exhaustively for every set of up to five voters, joint ones included.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../src/core/api.ts';
import { majority, reachedByQuorum, type VoteResult, type VoterSets, voteResult } from '../../src/core/quorum.ts';

const names = ['n1', 'n2', 'n3', 'n4', 'n5'] as NodeId[];

/** Dumb: tries every value anybody reached, highest first, and counts who is there. */
function naiveReached(sets: VoterSets, reached: (voter: NodeId) => number): number {
  const agrees = (voters: readonly NodeId[], value: number): boolean =>
    voters.length === 0 || voters.filter((voter) => reached(voter) >= value).length > voters.length / 2;
  const values = [...sets.voters, ...sets.outgoing].map(reached).sort((one, other) => other - one);
  const found = values.find((value) => agrees(sets.voters, value) && agrees(sets.outgoing, value));
  return found ?? Number.POSITIVE_INFINITY;
}

/** Dumb: looks at every way the missing votes could fall. */
function naiveVote(sets: VoterSets, ballot: (voter: NodeId) => boolean | undefined): VoteResult {
  const all = [...new Set([...sets.voters, ...sets.outgoing])];
  const open = all.filter((voter) => ballot(voter) === undefined);
  const wins = (extra: ReadonlySet<NodeId>): boolean =>
    [sets.voters, sets.outgoing].every(
      (voters) =>
        voters.length === 0 || voters.filter((voter) => ballot(voter) ?? extra.has(voter)).length > voters.length / 2,
    );
  if (wins(new Set())) return 'won';
  return wins(new Set(open)) ? 'pending' : 'lost';
}

function* subsets(): Generator<readonly NodeId[]> {
  for (let mask = 0; mask < 2 ** names.length; mask += 1) yield names.filter((_, bit) => (mask >> bit) & 1);
}

function union(one: readonly NodeId[], other: readonly NodeId[]): readonly NodeId[] {
  return names.filter((name) => one.includes(name) || other.includes(name));
}

function* assignments<T>(count: number, values: readonly T[]): Generator<readonly T[]> {
  if (count === 0) yield [];
  else for (const rest of assignments(count - 1, values)) for (const value of values) yield [value, ...rest];
}

test('a majority is more than half', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(majority), [1, 2, 2, 3, 3, 4, 4]);
});

test('what a simple majority has reached equals the naive count, for up to five voters', () => {
  for (let size = 0; size <= 5; size += 1) {
    const voters = names.slice(0, size);
    for (const values of assignments(size, [0, 1, 2, 3, 4, 5])) {
      const reached = (voter: NodeId): number => values[voters.indexOf(voter)] ?? 0;
      const sets = { voters, outgoing: [] };
      assert.equal(
        reachedByQuorum(sets, reached, majority),
        naiveReached(sets, reached),
        `${voters.join()}: ${values.join()}`,
      );
    }
  }
});

test('what a joint quorum has reached equals the naive count, for all pairs of sets of up to five voters', () => {
  for (const voters of subsets()) {
    for (const outgoing of subsets()) {
      const all = union(voters, outgoing);
      for (const values of assignments(all.length, [0, 3, 7])) {
        const reached = (voter: NodeId): number => values[all.indexOf(voter)] ?? 0;
        const sets = { voters, outgoing };
        const found = reachedByQuorum(sets, reached, majority);
        if (found !== naiveReached(sets, reached))
          assert.fail(`${voters.join()} and ${outgoing.join()}: ${values.join()}`);
      }
    }
  }
});

test('a vote is won, lost or open exactly as the naive count says, for all pairs of sets of up to five voters', () => {
  for (const voters of subsets()) {
    for (const outgoing of subsets()) {
      const all = union(voters, outgoing);
      for (const values of assignments(all.length, [true, false, undefined])) {
        const ballot = (voter: NodeId): boolean | undefined => values[all.indexOf(voter)];
        const sets = { voters, outgoing };
        const found = voteResult(sets, ballot, majority);
        if (found !== naiveVote(sets, ballot)) assert.fail(`${voters.join()} and ${outgoing.join()}: ${values.join()}`);
      }
    }
  }
});

test('an empty set of voters agrees to everything, so that a simple configuration is a joint one', () => {
  assert.equal(
    reachedByQuorum({ voters: [], outgoing: [] }, () => 0, majority),
    Number.POSITIVE_INFINITY,
  );
  assert.equal(
    voteResult({ voters: [], outgoing: [] }, () => undefined, majority),
    'won',
  );
});

test('while joint, neither set can decide alone', () => {
  const sets = { voters: names.slice(0, 3), outgoing: names.slice(2, 5) };
  const inIncoming = (voter: NodeId): boolean => sets.voters.includes(voter) && voter !== 'n3';
  assert.equal(
    voteResult(sets, (voter) => (inIncoming(voter) ? true : undefined), majority),
    'pending',
  );
  assert.equal(
    reachedByQuorum(sets, (voter) => (inIncoming(voter) ? 9 : 1), majority),
    1,
  );
});
