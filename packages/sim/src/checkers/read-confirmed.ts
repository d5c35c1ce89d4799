// A leader answers a follower's read only after a majority, of both halves while joint, has answered a message that it sent
// after the read came (thesis §6.4, §4.3). Which answers have arrived is not known, but no more than were sent: whoever has
// answered no later round than those that were out when the follower asked, has not confirmed the read.

import type { Message, NodeId } from '@kontiki/raft';
import type { Checker, Watched } from './checker.ts';
import { isQuorum } from './quorums.ts';

/** Reads that were asked for and not answered, or not known to be; the oldest are forgotten. */
const askedMax = 5000;
/** Answers of so many terms are kept of each leader. */
const termsMax = 8;

interface Leading {
  /** The newest round that has left. */
  round: number;
  /** By the term in which they were sent: who has answered which round. */
  readonly answered: Map<number, Map<NodeId, number>>;
  /** Reads answered in this turn. */
  served: { readonly from: NodeId; readonly term: number; readonly after: number }[];
}

export function readConfirmed({ report }: Watched): Checker {
  const leaders = new Map<NodeId, Leading>();
  /** Rounds up to which were out when the read was asked for. */
  const asked = new Map<string, number>();

  const leading = (id: NodeId): Leading => {
    let leader = leaders.get(id);
    if (leader === undefined) {
      leader = { round: 0, answered: new Map(), served: [] };
      leaders.set(id, leader);
    }
    return leader;
  };

  const noteAnswer = ({ from, to, term, round }: Extract<Message, { readonly kind: 'appendEntriesReply' }>): void => {
    const { answered } = leading(to);
    let rounds = answered.get(term);
    if (rounds === undefined) {
      rounds = new Map();
      answered.set(term, rounds);
      if (answered.size > termsMax) answered.delete(Math.min(...answered.keys()));
    }
    if (round > (rounds.get(from) ?? 0)) rounds.set(from, round);
  };

  return {
    // Rounds and reads of a new process are counted anew.
    started: ({ id }) => {
      leaders.delete(id);
      for (const key of asked.keys()) if (key.startsWith(`${id} `)) asked.set(key, 0);
    },
    sent: (_, message) => {
      switch (message.kind) {
        case 'appendEntries':
        case 'installSnapshot': {
          const leader = leading(message.from);
          leader.round = Math.max(leader.round, message.round);
          return;
        }
        case 'appendEntriesReply':
          noteAnswer(message);
          return;
        case 'readIndex': {
          const key = `${message.to} ${message.from} ${message.readId}`;
          // A former process of the follower may have asked under the same number, and be answered yet.
          const after = Math.min(asked.get(key) ?? Number.POSITIVE_INFINITY, leading(message.to).round);
          asked.set(key, after);
          if (asked.size > askedMax) for (const oldest of asked.keys()) return void asked.delete(oldest);
          return;
        }
        case 'readIndexReply': {
          const { from, to, term, readId, index } = message;
          const key = `${from} ${to} ${readId}`;
          const after = asked.get(key);
          asked.delete(key);
          if (after !== undefined && index !== undefined) leading(from).served.push({ from: to, term, after });
          return;
        }
        default:
          return;
      }
    },
    turnEnded: ({ id, status: before }, status) => {
      const leader = leaders.get(id);
      if (leader === undefined || leader.served.length === 0) return;
      const { served } = leader;
      leader.served = [];
      for (const { from, term, after } of served) {
        if (status.role !== 'leader' || status.term !== term) continue;
        const rounds = leader.answered.get(term);
        const has = (voter: NodeId): boolean => voter === id || (rounds?.get(voter) ?? 0) > after;
        // A change may begin or end in the turn in which a read is answered.
        if (isQuorum(status.configuration, has) || (before !== undefined && isQuorum(before.configuration, has)))
          continue;
        const who = [...(rounds ?? [])].filter(([, round]) => round > after).map(([voter]) => voter);
        const only = who.length === 0 ? 'nobody' : `only ${who.join(', ')}`;
        report('ReadConfirmed', `${id} answered a read of ${from} in term ${term}, and ${only} had heard of it since`);
      }
    },
  };
}
