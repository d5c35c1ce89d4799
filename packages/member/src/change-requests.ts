// Changes of membership that clients of this member ask for, from their call to their answer: the leader makes them, so they wait
// until there is one, go to it, and go to the next one if it would not take them. What may have been begun is not asked for twice.

import { type NodeId, OutcomeUnknownError, OverloadedError, type Transport } from '@kontiki/raft';
import { MemberError, type MemberRecord, type MembershipChange } from './api.ts';
import { decodeForwardReply, encodeForwardRequest, type ForwardReply } from './forward.ts';
import { decodeMembers } from './roster.ts';

/** How a change came back. `lost`: it may have arrived. */
export type ChangeReply = Extract<
  ForwardReply,
  { readonly kind: 'members' | 'changeRefused' | 'changeUnknown' | 'refused' }
>;

export type ChangeAnswer =
  | { readonly kind: 'done'; readonly members: readonly MemberRecord[] }
  | { readonly kind: 'failed'; readonly error: Error };

export interface ChangeRequestsOptions {
  readonly transport: Pick<Transport, 'request'>;
  readonly timeoutTicks: number;
  readonly pendingMax: number;
  /** Makes the change here, if this member leads. */
  readonly here: (change: MembershipChange, reply: (reply: ChangeReply) => void) => void;
}

interface Asked {
  readonly change: MembershipChange;
  readonly deadline: number;
  readonly answer: (answer: ChangeAnswer) => void;
}

export class ChangeRequests {
  readonly #options: ChangeRequestsOptions;
  /** Not under way: asked for again when a leader is known, and each tick. */
  #waiting: Asked[] = [];
  #pending = 0;
  #leader: { readonly id: NodeId; readonly isSelf: boolean } | undefined;
  #now = 0;

  constructor(options: ChangeRequestsOptions) {
    this.#options = options;
  }

  ask(change: MembershipChange, answer: (answer: ChangeAnswer) => void): void {
    if (this.#pending >= this.#options.pendingMax) {
      answer({ kind: 'failed', error: new OverloadedError(`${this.#pending} changes wait already`) });
      return;
    }
    this.#pending++;
    const counted = (answered: ChangeAnswer): void => {
      this.#pending--;
      answer(answered);
    };
    this.#attempt({ change, deadline: this.#now + this.#options.timeoutTicks, answer: counted });
  }

  leaderIs(leader: NodeId | undefined, isSelf: boolean): void {
    this.#leader = leader === undefined ? undefined : { id: leader, isSelf };
    this.#attemptWaiting();
  }

  advance(ticks: number): void {
    this.#now += ticks;
    this.#attemptWaiting();
  }

  failAll(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { answer } of waiting) answer({ kind: 'failed', error });
  }

  #attemptWaiting(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const asked of waiting) {
      if (asked.deadline > this.#now) this.#attempt(asked);
      else {
        const code = this.#leader === undefined ? 'noLeader' : 'timedOut';
        const error = new MemberError(code, 'no leader took the change of membership in time');
        asked.answer({ kind: 'failed', error });
      }
    }
  }

  #attempt(asked: Asked): void {
    const leader = this.#leader;
    if (leader === undefined) {
      this.#waiting.push(asked);
    } else if (leader.isSelf) {
      this.#options.here(asked.change, (reply) => this.#settle(asked, reply));
    } else {
      const body = encodeForwardRequest({ kind: 'change', change: asked.change });
      this.#options.transport.request(leader.id, body, asked.deadline - this.#now, (outcome) => {
        if (outcome.kind === 'refused') this.#waiting.push(asked);
        else this.#settle(asked, outcome.kind === 'answered' ? decodeForwardReply(outcome.body) : undefined);
      });
    }
  }

  #settle({ change, deadline, answer }: Asked, reply: ForwardReply | undefined): void {
    switch (reply?.kind) {
      case 'members':
        answer({ kind: 'done', members: decodeMembers(reply.members)?.members ?? [] });
        return;
      case 'changeRefused':
        answer({ kind: 'failed', error: new MemberError(reply.reason, `the change is refused: ${reply.reason}`) });
        return;
      case 'refused':
        if (reply.reason === 'notLeader') this.#waiting.push({ change, deadline, answer });
        else answer({ kind: 'failed', error: new OverloadedError('the leader takes no more changes for now') });
        return;
      default: {
        const error = new OutcomeUnknownError(`the change of member ${change.id.toString(16)} may take effect yet`);
        answer({ kind: 'failed', error });
      }
    }
  }
}
