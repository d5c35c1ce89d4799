// Rounds: every message of a leader has an id of its own, which its answer echoes. What an answer confirms (a read, the
// leader's quorum, a lease) is as old as the sending of that message, never newer (thesis §6.4).

import type { Leader, Node } from './node.ts';
import type { Peer } from './progress.ts';

/** A new round for a message to this peer. Ids never repeat, so no answer to an older round can confirm a newer read. */
export function startRound(node: Node, leader: Leader, peer: Peer): number {
  node.round += 1;
  peer.sentRound = node.round;
  peer.sentAt = node.now;
  const { rounds } = leader;
  if (rounds.at(-1)?.tick !== node.now) rounds.push({ tick: node.now, first: node.round });
  // An answer to a round older than this says nothing that a lease or a quorum window could use.
  const oldest = node.now - 2 * node.settings.electionTicks;
  while (rounds.length > 2 && (rounds[1]?.tick ?? oldest) < oldest) rounds.shift();
  return node.round;
}

/** When a round was sent; undefined when that was too long ago to matter. */
export function whenSent(leader: Leader, round: number): number | undefined {
  return leader.rounds.findLast(({ first }) => first <= round)?.tick;
}
