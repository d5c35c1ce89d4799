// Questions about one configuration (thesis ch. 4). Which configuration is in force is the log's affair.

import type { Configuration, NodeId } from './api.ts';

export function isVoter(configuration: Configuration, id: NodeId): boolean {
  return configuration.voters.includes(id) || configuration.outgoing.includes(id);
}

/** Everybody who is sent entries: voters of both sets and learners, sorted, each once. */
export function members(configuration: Configuration): readonly NodeId[] {
  const all = new Set([...configuration.voters, ...configuration.outgoing, ...configuration.learners]);
  return [...all].sort((a, b) => (a < b ? -1 : 1));
}

/** Everybody who is asked for a vote, sorted, each once. */
export function electorate(configuration: Configuration): readonly NodeId[] {
  if (configuration.outgoing.length === 0) return configuration.voters;
  return [...new Set([...configuration.voters, ...configuration.outgoing])].sort((a, b) => (a < b ? -1 : 1));
}

/** Whether two configurations say the same, addresses included. */
export function sameConfiguration(one: Configuration, other: Configuration): boolean {
  if (one === other) return true;
  const sameList = (list: readonly unknown[], compared: readonly unknown[]): boolean =>
    list.length === compared.length && list.every((item, at) => item === compared[at]);
  return (
    sameList(one.voters, other.voters) &&
    sameList(one.outgoing, other.outgoing) &&
    sameList(one.learners, other.learners) &&
    one.addresses.length === other.addresses.length &&
    one.addresses.every(([id, address], at) => {
      const [otherId, otherAddress] = other.addresses[at] ?? [];
      return id === otherId && otherAddress !== undefined && sameList([...address], [...otherAddress]);
    })
  );
}
