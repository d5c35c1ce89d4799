// A node whose time may pass many ticks at once. The core counts one tick a turn towards an election; an experiment with a
// tick of a microsecond would spend all its time on turns in which nothing happens. Those are jumped over: a dump of the node is
// loaded again with both of its clocks moved on. The turn in which the timer runs out is the core's own.
// `elections.test.ts` plays the same elections without a jump and compares the nodes.

import { assert, createRaft, type Input, load, type Options, type RaftCore } from '@kontiki/raft';

/** The two clocks of a node, as its dump names them (`core/node.ts`). */
interface Clocks {
  readonly now: number;
  readonly electionElapsed: number;
}

/** Fewer turns than this cost less than a jump. */
const jumpFrom = 8;

export class TimedCore {
  readonly #options: Options;
  readonly #jumps: boolean;
  #core: RaftCore;

  constructor(options: Options, jumps: boolean) {
    this.#options = options;
    this.#jumps = jumps;
    this.#core = createRaft(options);
  }

  get core(): RaftCore {
    return this.#core;
  }

  /** The tick in which the election timer runs out unless something sets it back; `undefined` for a leader. */
  get timerEnds(): number | undefined {
    const { role, now, electionTimeout, electionElapsed } = this.#core.node;
    return role.kind === 'leader' ? undefined : now + Math.max(1, electionTimeout - electionElapsed);
  }

  /** Lets time pass up to and with `tick`, which is not beyond the end of the timer. */
  advanceTo(tick: number): void {
    const ends = this.timerEnds;
    assert(ends !== undefined && tick <= ends, () => `tick ${tick} is beyond the end of the timer at ${ends}`);
    this.#jumpTo(Math.min(tick, ends - 1));
    while (this.#core.node.now < tick) this.#core.step({ kind: 'tick', elapsed: 1 });
  }

  step(input: Input): void {
    const verdict = this.#core.step(input);
    assert(verdict.kind === 'accepted', () => `${input.kind} is refused`);
  }

  /** A follower's or candidate's turn changes its two clocks and, while nothing else is due, nothing else. */
  #jumpTo(tick: number): void {
    const { now, electionElapsed, commit, durability, forwardedReads } = this.#core.node;
    const ticks = tick - now;
    if (!this.#jumps || ticks < jumpFrom) return;
    assert(commit === durability.hardHanded.commit, () => 'a commit index waits for a tick to go to disk');
    assert(forwardedReads.length === 0, () => 'a read waits for a tick to expire');
    const clocks: Clocks = { now: tick, electionElapsed: electionElapsed + ticks };
    this.#core = load({ ...(this.#core.dump() as object), ...clocks }, this.#options);
  }
}
