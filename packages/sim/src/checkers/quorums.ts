// What a majority is, once more and without looking at the core: a checker that shared its arithmetic would share its faults.

import type { Configuration, NodeId } from '@kontiki/raft';

/** A majority of the voters and, while joint, of the outgoing ones as well (thesis §4.3). */
export function isQuorum({ voters, outgoing }: Configuration, has: (node: NodeId) => boolean): boolean {
  return isMajority(voters, has) && (outgoing.length === 0 || isMajority(outgoing, has));
}

function isMajority(nodes: readonly NodeId[], has: (node: NodeId) => boolean): boolean {
  let count = 0;
  for (const node of nodes) if (has(node)) count += 1;
  return 2 * count > nodes.length;
}

/** Whether every quorum of the one shares a node with every quorum of the other. Tries them all. */
export function quorumsOverlap(one: Configuration, other: Configuration): boolean {
  const nodes = [...new Set([...one.voters, ...one.outgoing, ...other.voters, ...other.outgoing])];
  for (let chosen = 0; chosen < 2 ** nodes.length; chosen += 1) {
    const isIn = (node: NodeId): boolean => (chosen & (1 << nodes.indexOf(node))) !== 0;
    if (isQuorum(one, isIn) && isQuorum(other, (node) => !isIn(node))) return false;
  }
  return true;
}
