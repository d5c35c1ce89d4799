// The leaf decisions of a member between its clients and its log, as one record of pure functions: when a command may be
// given again, whose answer it is, what a read waits for, who may end a lease. Records with a wrong answer live in
// `mutants/`, an entry point of its own which no server reaches.

import type { Origin } from './envelope.ts';

export interface MemberRules {
  readonly name: string;
  /** What a forwarded command is when the link broke before its reply: `held` commands are given again. */
  readonly afterLost: () => 'unknown' | 'held';
  /** Whether commands in the log of a leader are lost with its leadership: lost ones are given again. */
  readonly isLostWithLeader: () => boolean;
  /** Whether a snapshot up to `through` leaves open what became of a command at `index`. */
  readonly isHidden: (index: number, through: number) => boolean;
  /** Whether a command of this origin is one that a client of this process waits for. */
  readonly isOurs: (origin: Origin, own: Omit<Origin, 'sequence'>) => boolean;
  /** Whether a linearizable read waits for a read index (thesis §6.4). */
  readonly readsWait: () => boolean;
  /** Whether the leader confirms its leadership before it answers about a lease. */
  readonly confirmsLeadership: () => boolean;
  /** Ticks that make a second of a lease. */
  readonly leaseSecond: (ticksPerSecond: number) => number;
  /** The seconds that a lease has left when a member becomes leader. */
  readonly ttlOfNewLeader: (granted: number) => number;
  /** Whether an expiry goes into the log of the leader that decided it and nowhere else, void in any other term. */
  readonly fencesExpiry: () => boolean;
}

export const memberRules: MemberRules = {
  name: 'right',
  // It may have arrived, and be applied yet.
  afterLost: () => 'unknown',
  // §5.4: the next leader may have them. Only an entry of a later term in their place proves that they are gone.
  isLostWithLeader: () => false,
  // A snapshot tells the state, not which commands made it.
  isHidden: (index, through) => index <= through,
  // Sequences begin anew with each process, and each member counts its own.
  isOurs: (origin, own) => origin.member === own.member && origin.boot === own.boot,
  readsWait: () => true,
  // etcd's "ensureLeadership": a deposed leader would promise time that its successor does not know of.
  confirmsLeadership: () => true,
  leaseSecond: (ticksPerSecond) => ticksPerSecond,
  // Whatever was renewed under the last leader, it did not write down; a change of leader can only lengthen a lease.
  ttlOfNewLeader: (granted) => granted,
  // etcd-io/etcd#12528: what a deposed leader thought of the time must not reach the log of its successor.
  fencesExpiry: () => true,
};
