// Which changes of membership etcd refuses, in its order, and what a change makes of a configuration. Pure: who is connected and
// how far a learner is, is told.

import type { Configuration, NodeId } from '@kontiki/raft';
import type { ChangeRefusal, MemberRecord, MembershipChange } from './api.ts';
import { addressOf, nodeIdOf } from './roster.ts';

/** What the leader knows when it judges a change. */
export interface Situation {
  /** The members as clients are told. */
  readonly members: readonly MemberRecord[];
  readonly removed: ReadonlySet<bigint>;
  readonly self: bigint;
  /** etcd's --strict-reconfig-check: no change that puts the quorum at risk. */
  readonly isStrict: boolean;
  /** Connected now; this member to itself always. */
  isConnected(id: bigint): boolean;
  /** Connected for all of the last five seconds. */
  isSteady(id: bigint): boolean;
  /** How far the log of this peer is known to match. */
  match(id: bigint): number | undefined;
  /** How far the leader's own log is durable. */
  readonly own: number;
}

/** A cluster has at most so many learners, as etcd by default. Members on their way to be voters are not counted. */
export const learnersMax = 1;
/** A learner has caught up for etcd when it has this share of the leader's log. */
const readyShare = 0.9;

/** Why a change is refused, or `undefined`. Quorum first, as in etcd, then what is wrong with the change itself. */
export function refusalOfChange(change: MembershipChange, situation: Situation): ChangeRefusal | undefined {
  return riskOf(change, situation) ?? faultOf(change, situation);
}

function riskOf(change: MembershipChange, situation: Situation): ChangeRefusal | undefined {
  const { members, isStrict } = situation;
  const voters = members.filter(({ isLearner }) => !isLearner);
  switch (change.kind) {
    case 'add':
      return isStrict ? riskOfAdding(change.isLearner, voters, situation) : undefined;
    case 'promote': {
      const match = change.id === situation.self ? situation.own : situation.match(change.id);
      if (match === undefined) return 'memberNotFound';
      if (match < readyShare * situation.own) return 'learnerNotReady';
      const hasQuorum = 1 + started(voters) >= quorum(1 + voters.length);
      return isStrict && !hasQuorum ? 'notEnoughStarted' : undefined;
    }
    case 'remove': {
      if (!isStrict || members.find(({ id }) => id === change.id)?.isLearner === true) return undefined;
      return riskOfRemoving(change.id, voters, situation);
    }
    case 'update':
      return undefined;
  }
}

function riskOfAdding(
  isLearner: boolean,
  voters: readonly MemberRecord[],
  { isSteady }: Situation,
): ChangeRefusal | undefined {
  const members = voters.length + 1;
  // One member may always be given a second: there is no other way to a larger cluster.
  const isFirst = voters.length === 1 && started(voters) === 1;
  if (!isLearner && !isFirst && started(voters) < quorum(members)) return 'notEnoughStarted';
  const steady = voters.filter(({ id }) => isSteady(id)).length;
  return voters.length === 1 || steady >= quorum(members) ? undefined : 'unhealthyCluster';
}

function riskOfRemoving(
  id: bigint,
  voters: readonly MemberRecord[],
  { self, isConnected, isSteady }: Situation,
): ChangeRefusal | undefined {
  const left = voters.filter((voter) => voter.id !== id);
  if (started(left) < quorum(left.length)) return 'notEnoughStarted';
  // Who is down is no part of what works now.
  if (id !== self && !isConnected(id)) return undefined;
  const steady = voters.filter((voter) => isSteady(voter.id)).length;
  return steady - 1 < quorum(voters.length - 1) ? 'unhealthyCluster' : undefined;
}

function faultOf(change: MembershipChange, { members, removed }: Situation): ChangeRefusal | undefined {
  // etcd has no text of its own for ids that were removed.
  if (removed.has(change.id)) return 'memberNotFound';
  const member = members.find(({ id }) => id === change.id);
  const isTaken = (urls: readonly string[]): boolean =>
    members.some(({ id, peerUrls }) => id !== change.id && peerUrls.some((url) => urls.includes(url)));
  switch (change.kind) {
    case 'add':
      if (member !== undefined) return 'memberExists';
      if (isTaken(change.peerUrls)) return 'peerUrlExists';
      if (change.isLearner && members.filter(({ isLearner }) => isLearner).length >= learnersMax) {
        return 'tooManyLearners';
      }
      return undefined;
    case 'update':
      if (member === undefined) return 'memberNotFound';
      return isTaken(change.peerUrls) ? 'peerUrlExists' : undefined;
    case 'promote':
      if (member === undefined) return 'memberNotFound';
      return member.isLearner ? undefined : 'memberNotLearner';
    case 'remove':
      return member === undefined ? 'memberNotFound' : undefined;
  }
}

function started(members: readonly MemberRecord[]): number {
  return members.filter(({ name }) => name !== '').length;
}

function quorum(size: number): number {
  return Math.floor(size / 2) + 1;
}

/** The configuration that the change leads to. Whoever is added begins as a learner, also a voter to be. */
export function configurationAfter(change: MembershipChange, from: Configuration): Configuration {
  const id = nodeIdOf(change.id);
  const without = <Item>(list: readonly Item[], idOf: (item: Item) => NodeId): readonly Item[] =>
    list.filter((item) => idOf(item) !== id);
  const learners = without(from.learners, (one) => one);
  const voters = without(from.voters, (one) => one);
  const addresses = without(from.addresses, ([one]) => one);
  switch (change.kind) {
    case 'add':
      return {
        ...from,
        learners: sorted([...learners, id]),
        addresses: sortedAddresses([...addresses, [id, addressOf(change.peerUrls)]]),
      };
    case 'remove':
      return { ...from, voters, learners, addresses };
    case 'update':
      return { ...from, addresses: sortedAddresses([...addresses, [id, addressOf(change.peerUrls)]]) };
    case 'promote':
      return { ...from, learners, voters: sorted([...voters, id]) };
  }
}

function sorted(ids: readonly NodeId[]): readonly NodeId[] {
  return [...ids].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function sortedAddresses(addresses: Configuration['addresses']): Configuration['addresses'] {
  return [...addresses].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
