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
