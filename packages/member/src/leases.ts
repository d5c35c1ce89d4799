// Leases on one member: how long one has left is asked of the leader, what the log does to one is told to the clock that runs
// where this member leads, and what has run out is ended through the log. Which keys hang on a lease is the store's affair.

import { LeaseClock, type Store } from '@kontiki/kv';
import type { Completion, LogId, NodeId, Transport } from '@kontiki/raft';
import { decodeEnvelope, type EnvelopeBody, isOfLease } from './envelope.ts';
import type { ForwardReply } from './forward.ts';
import {
  LeaderQuestions,
  type LeaderQuestionsOptions,
  type LeaseAnswer,
  type LeaseQuestion,
  leaseReply,
} from './leader-questions.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { AppliedCommand } from './machine.ts';
import { operationOf, revokeRequest } from './requests.ts';
import type { MemberRules } from './rules.ts';

export interface LeasesParts {
  readonly rules: MemberRules;
  readonly store: Pick<Store, 'lease' | 'leases'>;
  readonly transport: Transport;
  readonly ticksPerSecond: number;
  readonly timeoutTicks: number;
  readonly pendingMax: number;
  readonly readIndex: LeaderQuestionsOptions['readIndex'];
  /** Puts it into the log here. Answers whether it is there. */
  readonly propose: (body: EnvelopeBody) => boolean;
  /** Puts it into the log of whoever leads, and nobody waits for it. */
  readonly submit: (body: EnvelopeBody) => void;
}

export class Leases {
  readonly #parts: LeasesParts;
  readonly #clock: LeaseClock;
  readonly #keeper: LeaseKeeper;
  readonly #questions: LeaderQuestions;

  constructor(parts: LeasesParts) {
    const { rules, store, ticksPerSecond } = parts;
    this.#parts = parts;
    this.#clock = new LeaseClock({
      ticksPerSecond: rules.leaseSecond(ticksPerSecond),
      retryTicks: 3 * ticksPerSecond,
    });
    this.#keeper = new LeaseKeeper({
      rules,
      clock: this.#clock,
      ticksPerSecond,
      expire: (id, term) => this.#expire(id, term),
    });
    this.#questions = new LeaderQuestions({
      ...parts,
      clock: this.#clock,
      grantedTtl: (lease) => store.lease(lease)?.ttl,
    });
  }

  ask(question: LeaseQuestion, done: Completion<LeaseAnswer>): void {
    this.#questions.ask(question, done);
  }

  /** A peer asks this member. */
  asked(question: LeaseQuestion, reply: (reply: ForwardReply) => void): void {
    this.#questions.answerHere(question, (answer) => reply(leaseReply(answer)));
  }

  /** All that there are; the next to expire first, where that is known. */
  ids(): readonly bigint[] {
    return this.#clock.leading ? this.#clock.byExpiry() : this.#parts.store.leases().map(({ id }) => id);
  }

  /** The command is in the log of this leadership. */
  started(envelope: Uint8Array, at: LogId): void {
    const lease = leaseOf(envelope);
    if (lease !== undefined) this.#keeper.touched(lease, at.index);
  }

  applied({ envelope, result }: AppliedCommand): void {
    if (result.kind === 'leaseGrant') this.#keeper.granted(result.id, result.ttl);
    else if (result.kind === 'leaseRevoke') this.#keeper.ended(revokedLease(envelope));
  }

  /** Everything up to this entry was applied. */
  passed(last: LogId): void {
    this.#keeper.passed(last);
  }

  /** Another state is there. */
  restored(): void {
    this.#keeper.restored(this.#parts.store.leases());
  }

  /** This member leads as of this term: it counts the time of leases, until `follow`. */
  lead(term: number): void {
    this.#keeper.lead(term, this.#parts.store.leases());
  }

  follow(): void {
    this.#keeper.follow();
  }

  /** Whom questions go to from now on. */
  leaderIs(leader: NodeId | undefined, isSelf: boolean): void {
    this.#questions.leaderIs(leader, isSelf);
  }

  /** Time has passed for those who ask. */
  advance(ticks: number): void {
    this.#questions.advance(ticks);
  }

  /** Time has passed for the leases themselves. */
  age(ticks: number): void {
    this.#keeper.advance(ticks);
  }

  failAll(error: Error): void {
    this.#questions.failAll(error);
  }

  #expire(id: bigint, term: number): boolean {
    const { rules, propose, submit } = this.#parts;
    if (rules.fencesExpiry()) return propose({ kind: 'leaseExpire', id, term });
    submit({ kind: 'leaseRevoke', request: revokeRequest(id) });
    return true;
  }
}

/** The lease that a command grants or ends. */
function leaseOf(bytes: Uint8Array): bigint | undefined {
  if (!isOfLease(bytes)) return undefined;
  const envelope = decodeEnvelope(bytes);
  return envelope.kind === 'leaseGrant' ? envelope.id : revokedLease(envelope);
}

function revokedLease(envelope: AppliedCommand['envelope']): bigint {
  if (envelope.kind === 'leaseExpire') return envelope.id;
  const operation = envelope.kind === 'leaseRevoke' ? operationOf(envelope.kind, envelope.request) : undefined;
  return operation?.kind === 'leaseRevoke' ? operation.id : 0n;
}
