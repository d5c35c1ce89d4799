// What happens in a round, drawn from (seed, round) alone: the same seed repeats the schedule, and any one round of it.

export type Blow =
  /** `offset` counts from the leader of the moment: 0 is the leader itself. */
  | { readonly kind: 'killOne'; readonly offset: number }
  | { readonly kind: 'killTwo'; readonly offsets: readonly [number, number] }
  | { readonly kind: 'killAll' }
  /** SIGSTOP for longer than an election, then SIGCONT: a process that was merely away. */
  | { readonly kind: 'stopOne'; readonly offset: number; readonly forMs: number };

export interface Round {
  readonly number: number;
  /** `unsynced`: members run on storage whose bytes die with the process unless they were synced: a kill is a power failure. */
  readonly storage: 'disk' | 'unsynced';
  readonly blow: Blow;
  /** From the first acknowledged write to the blow. */
  readonly afterMs: number;
  /** From the blow (or the SIGCONT) to the restart of what was killed. */
  readonly downMs: number;
  /** A second blow, when a member that was away begins to receive a snapshot: `receiver` or `sender` is killed so much later. */
  readonly snapshotBlow: { readonly whom: 'receiver' | 'sender'; readonly afterMs: number } | undefined;
}

export function scheduleOf(seed: number, number: number): Round {
  const draw = drawer(seed, number);
  const kind = draw(8);
  const offset = draw(2) === 0 ? 0 : 1 + draw(2);
  const blow: Blow =
    kind < 3
      ? { kind: 'killOne', offset }
      : kind < 4
        ? { kind: 'killTwo', offsets: [offset, (offset + 1 + draw(2)) % 3] }
        : kind < 6
          ? { kind: 'killAll' }
          : { kind: 'stopOne', offset, forMs: 2500 + draw(1500) };
  const afterMs = 200 + draw(1500);
  // Long enough away to be beyond what the log keeps, so that a snapshot is needed.
  const snapshotBlow =
    blow.kind !== 'killAll' && draw(2) === 0
      ? ({ whom: draw(3) === 0 ? 'sender' : 'receiver', afterMs: draw(12) } as const)
      : undefined;
  const downMs = snapshotBlow === undefined ? draw(1500) : 1000 + draw(1000);
  return { number, storage: number % 2 === 0 ? 'unsynced' : 'disk', blow, afterMs, downMs, snapshotBlow };
}

/** Integers in [0, below), a fresh stream for each (seed, round): splitmix32 over a mixed key. */
function drawer(seed: number, round: number): (below: number) => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b)) >>> 0;
  return (below) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below;
  };
}
