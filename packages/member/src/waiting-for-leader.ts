// What only a leader can answer, and waits until there is one: tried when it is asked, and again with each tick and each new
// leader, until its time runs out. What trying means, and what an answer, is the asker's affair.

import type { NodeId } from '@kontiki/raft';

export interface Leader {
  readonly id: NodeId;
  readonly isSelf: boolean;
}

export class WaitingForLeader<Asked extends { readonly deadline: number }> {
  readonly #attempt: (asked: Asked, leader: Leader, ticksLeft: number) => void;
  readonly #late: (asked: Asked, code: 'noLeader' | 'timedOut') => void;
  /** Not under way. */
  #waiting: Asked[] = [];
  #leader: Leader | undefined;
  #now = 0;

  constructor(
    attempt: (asked: Asked, leader: Leader, ticksLeft: number) => void,
    late: (asked: Asked, code: 'noLeader' | 'timedOut') => void,
  ) {
    this.#attempt = attempt;
    this.#late = late;
  }

  get now(): number {
    return this.#now;
  }

  get isLeader(): boolean {
    return this.#leader?.isSelf === true;
  }

  ask(asked: Asked): void {
    if (this.#leader === undefined) this.#waiting.push(asked);
    else this.#attempt(asked, this.#leader, asked.deadline - this.#now);
  }

  /** It had no effect: another time. */
  askAgain(asked: Asked): void {
    this.#waiting.push(asked);
  }

  leaderIs(leader: NodeId | undefined, isSelf: boolean): void {
    this.#leader = leader === undefined ? undefined : { id: leader, isSelf };
    this.#askWaiting();
  }

  advance(ticks: number): void {
    this.#now += ticks;
    this.#askWaiting();
  }

  /** All that are not under way, and wait here no longer. */
  takeAll(): readonly Asked[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  #askWaiting(): void {
    if (this.#waiting.length === 0) return;
    for (const asked of this.takeAll()) {
      if (asked.deadline > this.#now) this.ask(asked);
      else this.#late(asked, this.#leader === undefined ? 'noLeader' : 'timedOut');
    }
  }
}
