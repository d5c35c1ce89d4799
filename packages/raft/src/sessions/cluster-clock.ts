// Time that all members agree on (thesis §6.3): the leader stamps what it proposes with the last committed stamp plus the
// ticks that have passed on its own monotonic clock since it leads. No wall clock has a say; time without a leader does not
// count, so nobody's session expires because nobody could be reached.

export class ClusterClock {
  #ticks = 0;
  /** A moment of the present leadership, in both times. */
  #anchor: { readonly stamp: number; readonly ticks: number } | undefined;

  /** Ticks of this member since it started; no two members agree on them. */
  get ticks(): number {
    return this.#ticks;
  }

  advance(elapsed: number): void {
    this.#ticks += elapsed;
  }

  /** The node does not lead, or not any more: its next stamp counts from what is committed then. */
  yield(): void {
    this.#anchor = undefined;
  }

  /** The stamp for a command proposed now. Never before `committed`, the newest stamp that was applied here. */
  stamp(committed: number): number {
    const { stamp, ticks } = this.#anchor ?? { stamp: committed, ticks: this.#ticks };
    const now = Math.max(committed, stamp + this.#ticks - ticks);
    this.#anchor = { stamp: now, ticks: this.#ticks };
    return now;
  }
}
