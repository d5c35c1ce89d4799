// Changes of membership that clients of this member ask for, from their call to their answer: the leader makes them, so they wait
// until there is one, go to it, and go to the next one if it would not take them. What may have been begun is not asked for twice.

import { type NodeId, OutcomeUnknownError, OverloadedError, type Transport } from '@kontiki/raft';
import { MemberError, type MemberRecord, type MembershipChange } from './api.ts';
import { decodeForwardReply, encodeForwardRequest, type ForwardReply } from './forward.ts';
import { decodeMembers } from './roster.ts';
import { type Leader, WaitingForLeader } from './waiting-for-leader.ts';

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
  readonly #waiting: WaitingForLeader<Asked>;
  #pending = 0;

  constructor(options: ChangeRequestsOptions) {
    this.#options = options;
    this.#waiting = new WaitingForLeader<Asked>(
      (asked, leader, ticksLeft) => this.#attempt(asked, leader, ticksLeft),
      ({ answer }, code) => {
        const error = new MemberError(code, 'no leader took the change of membership in time');
        answer({ kind: 'failed', error });
      },
    );
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
    this.#waiting.ask({ change, deadline: this.#waiting.now + this.#options.timeoutTicks, answer: counted });
  }

  leaderIs(leader: NodeId | undefined, isSelf: boolean): void {
    this.#waiting.leaderIs(leader, isSelf);
  }

  advance(ticks: number): void {
    this.#waiting.advance(ticks);
  }

  failAll(error: Error): void {
    for (const { answer } of this.#waiting.takeAll()) answer({ kind: 'failed', error });
  }

  #attempt(asked: Asked, leader: Leader, ticksLeft: number): void {
    if (leader.isSelf) {
      this.#options.here(asked.change, (reply) => this.#settle(asked, reply));
      return;
    }
    const body = encodeForwardRequest({ kind: 'change', change: asked.change });
    this.#options.transport.request(leader.id, body, ticksLeft, (outcome) => {
      if (outcome.kind === 'refused') this.#waiting.askAgain(asked);
      else this.#settle(asked, outcome.kind === 'answered' ? decodeForwardReply(outcome.body) : undefined);
    });
  }

  #settle(asked: Asked, reply: ForwardReply | undefined): void {
    const { change, answer } = asked;
    switch (reply?.kind) {
      case 'members':
        answer({ kind: 'done', members: decodeMembers(reply.members)?.members ?? [] });
        return;
      case 'changeRefused':
        answer({ kind: 'failed', error: new MemberError(reply.reason, `the change is refused: ${reply.reason}`) });
        return;
      case 'refused':
        if (reply.reason === 'notLeader') this.#waiting.askAgain(asked);
        else answer({ kind: 'failed', error: new OverloadedError('the leader takes no more changes for now') });
        return;
      default: {
        const error = new OutcomeUnknownError(`the change of member ${change.id.toString(16)} may take effect yet`);
        answer({ kind: 'failed', error });
      }
    }
  }
}
