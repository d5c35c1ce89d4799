// What only the leader may answer: renewing a lease, and how long one has left. It answers after it has confirmed that it
// still leads (etcd's "ensureLeadership"); any other member asks it. Without a leader the question waits, for a while.

import type { LeaseClock } from '@kontiki/kv';
import type { Completion, Index, NodeId, Transport } from '@kontiki/raft';
import { MemberError } from './api.ts';
import { decodeForwardReply, encodeForwardRequest, type ForwardReply } from './forward.ts';
import type { MemberRules } from './rules.ts';
import { type Leader, WaitingForLeader } from './waiting-for-leader.ts';

export type LeaseQuestion = { readonly kind: 'keepAlive' | 'timeToLive'; readonly lease: bigint };
export interface LeaseAnswer {
  readonly ttl: number;
  readonly grantedTtl: number;
}

export interface LeaderQuestionsOptions {
  readonly rules: MemberRules;
  readonly transport: Transport;
  readonly clock: LeaseClock;
  readonly ticksPerSecond: number;
  readonly timeoutTicks: number;
  readonly readIndex: (timeoutTicks: number, done: Completion<Index>) => void;
  readonly grantedTtl: (lease: bigint) => number | undefined;
  readonly pendingMax: number;
}

interface Question {
  readonly question: LeaseQuestion;
  readonly deadline: number;
  readonly done: Completion<LeaseAnswer>;
}

export class LeaderQuestions {
  readonly #options: LeaderQuestionsOptions;
  readonly #waiting: WaitingForLeader<Question>;
  #pending = 0;

  constructor(options: LeaderQuestionsOptions) {
    this.#options = options;
    this.#waiting = new WaitingForLeader<Question>(
      (asked, leader, ticksLeft) => this.#attempt(asked, leader, ticksLeft),
      (asked, code) => this.#fail(asked, code),
    );
  }

  ask(question: LeaseQuestion, done: Completion<LeaseAnswer>): void {
    this.#pending++;
    const counted: Completion<LeaseAnswer> = (outcome) => {
      this.#pending--;
      done(outcome);
    };
    const asked = { question, deadline: this.#waiting.now + this.#options.timeoutTicks, done: counted };
    if (this.#pending > this.#options.pendingMax) this.#fail(asked, 'timedOut');
    else this.#waiting.ask(asked);
  }

  leaderIs(leader: NodeId | undefined, isSelf: boolean): void {
    this.#waiting.leaderIs(leader, isSelf);
  }

  advance(ticks: number): void {
    this.#waiting.advance(ticks);
  }

  /** A peer asks this member. `undefined` when it is not the leader. */
  answerHere(question: LeaseQuestion, done: (answer: LeaseAnswer | undefined) => void): void {
    if (!this.#waiting.isLeader) {
      done(undefined);
      return;
    }
    const confirmed = (isLeader: boolean): void =>
      done(isLeader && this.#options.clock.leading ? this.#look(question) : undefined);
    if (this.#options.rules.confirmsLeadership()) {
      this.#options.readIndex(this.#options.timeoutTicks, (outcome) => confirmed(outcome.kind === 'done'));
    } else confirmed(true);
  }

  failAll(error: Error): void {
    for (const { done } of this.#waiting.takeAll()) done({ kind: 'failed', error });
  }

  #look({ kind, lease }: LeaseQuestion): LeaseAnswer {
    const { clock, ticksPerSecond, grantedTtl } = this.#options;
    if (kind === 'keepAlive') return { ttl: clock.renew(lease) ?? 0, grantedTtl: 0 };
    const remaining = clock.remaining(lease);
    const granted = grantedTtl(lease);
    // An expired lease whose revocation is on its way is no lease any more.
    if (granted === undefined || remaining === undefined || remaining === 0) return { ttl: -1, grantedTtl: 0 };
    return { ttl: Math.floor(remaining / ticksPerSecond), grantedTtl: granted };
  }

  #attempt(asked: Question, leader: Leader, ticksLeft: number): void {
    if (leader.isSelf) {
      this.answerHere(asked.question, (answer) => this.#settle(asked, answer));
      return;
    }
    this.#options.transport.request(leader.id, encodeForwardRequest(asked.question), ticksLeft, (outcome) => {
      const reply = outcome.kind === 'answered' ? decodeForwardReply(outcome.body) : undefined;
      this.#settle(asked, reply?.kind === 'lease' ? reply : undefined);
    });
  }

  /** Both questions may be asked twice without harm, so whatever went wrong is tried again. */
  #settle(asked: Question, answer: LeaseAnswer | undefined): void {
    if (answer === undefined) this.#waiting.askAgain(asked);
    else asked.done({ kind: 'done', value: { ttl: answer.ttl, grantedTtl: answer.grantedTtl } });
  }

  #fail(asked: Question, code: 'timedOut' | 'noLeader'): void {
    asked.done({ kind: 'failed', error: new MemberError(code, 'no leader answered about the lease in time') });
  }
}

export function leaseReply(answer: LeaseAnswer | undefined): ForwardReply {
  return answer === undefined ? { kind: 'refused', reason: 'notLeader' } : { kind: 'lease', ...answer };
}
