// Questions about one configuration, and the steps between two (thesis ch. 4). Which configuration is in force is the
// log's affair.

import type { Configuration, NodeId } from './api.ts';

/** A configuration names at most this many servers, and an address is at most this long: messages and memory are bounded. */
export const membersMax = 64;
export const addressBytesMax = 4096;

/**
 * The configuration of a server that joined, until an entry of the log tells it another: it cannot know what the cluster began
 * with. So a snapshot that says nothing ends before the first change, and whoever knows the first configuration knows more.
 */
export function isUnknown({ voters }: Configuration): boolean {
  return voters.length === 0;
}

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

/** C_old,new: both sets of voters decide, each by its own majority (thesis §4.3). */
export function joint(from: Configuration, to: Configuration): Configuration {
  if (sameList(from.voters, to.voters)) return to;
  const kept = from.addresses.filter(([id]) => !to.addresses.some(([other]) => other === id));
  const addresses = [...to.addresses, ...kept].sort(([a], [b]) => (a < b ? -1 : 1));
  return { voters: to.voters, outgoing: from.voters, learners: to.learners, addresses };
}

/** C_new: what a joint configuration leads to. */
export function settled({ voters, learners, addresses }: Configuration): Configuration {
  const stays = (id: NodeId): boolean => voters.includes(id) || learners.includes(id);
  return { voters, outgoing: [], learners, addresses: addresses.filter(([id]) => stays(id)) };
}

/** The same with one learner more; its address is changed where it is a member already. */
export function withLearner(now: Configuration, id: NodeId, address: Uint8Array): Configuration {
  const learners = members(now).includes(id) ? now.learners : sorted([...now.learners, id]);
  const others = now.addresses.filter(([other]) => other !== id);
  const entry: Configuration['addresses'][number] = [id, address];
  return { ...now, learners, addresses: [...others, entry].sort(([a], [b]) => (a < b ? -1 : 1)) };
}

/** The same with a learner as a voter. */
export function promoted(now: Configuration, id: NodeId): Configuration {
  if (!now.learners.includes(id)) return now;
  return {
    ...now,
    voters: sorted([...now.voters, id]),
    learners: now.learners.filter((other) => other !== id),
  };
}

/** The same without a member. */
export function without(now: Configuration, id: NodeId): Configuration {
  return {
    ...now,
    voters: now.voters.filter((other) => other !== id),
    learners: now.learners.filter((other) => other !== id),
    addresses: now.addresses.filter(([other]) => other !== id),
  };
}

function sorted(ids: readonly NodeId[]): readonly NodeId[] {
  return [...ids].sort((a, b) => (a < b ? -1 : 1));
}

/** Why nobody can change to this configuration, in words; undefined when it is sound. */
export function flawOf(to: Configuration, from: Configuration): string | undefined {
  const { voters, outgoing, learners, addresses } = to;
  if (voters.length === 0) return 'a cluster needs a voter';
  if (outgoing.length > 0) return 'only the change itself is joint: outgoing must be empty';
  if (![voters, learners, addresses.map(([id]) => id)].every(isAscending)) {
    return 'ids are not sorted, or one stands twice in a list';
  }
  if (learners.some((id) => voters.includes(id))) return 'a server is a voter or a learner, not both';
  const all = members(to);
  if (all.includes('' as NodeId)) return 'an id is empty';
  // While joint, both sets are in one configuration.
  const most = new Set([...all, ...members(from)]).size;
  if (most > membersMax) return `${most} servers take part in the change; at most ${membersMax} can`;
  const hasAddresses = addresses.length > 0 || from.addresses.length > 0;
  if (
    hasAddresses &&
    !sameList(
      all,
      addresses.map(([id]) => id),
    )
  )
    return 'every member needs an address, and nobody else';
  const long = addresses.find(([, address]) => address.byteLength > addressBytesMax);
  if (long !== undefined) return `the address of ${long[0]} is longer than ${addressBytesMax} bytes`;
  return undefined;
}

function isAscending(ids: readonly NodeId[]): boolean {
  return ids.every((id, at) => at === 0 || (ids[at - 1] ?? id) < id);
}

function sameList(list: readonly unknown[], compared: readonly unknown[]): boolean {
  return list.length === compared.length && list.every((item, at) => item === compared[at]);
}

/** Whether two configurations say the same, addresses included. */
export function sameConfiguration(one: Configuration, other: Configuration): boolean {
  if (one === other) return true;
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
