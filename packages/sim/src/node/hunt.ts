// The hunt for one known bug: seeds in order until a checker that the mutant names has seen it. Several workers may hunt one
// mutant at once; what is answered is the first seed all the same, so that it does not depend on how many there are.

import type { Mutant } from '../mutants.ts';
import type { Violation } from '../run.ts';

export interface Finding {
  readonly mutant: Mutant;
  /** How many seeds it took, or how many were in vain. */
  readonly seeds: number;
  /** Of work, by whichever workers. */
  readonly seconds: number;
  readonly seen: Violation | undefined;
  /** What others saw, in seeds before, and what went wrong in playing them. */
  readonly others: ReadonlySet<string>;
}

/** What came of one seed. */
export interface Tried {
  readonly violations: readonly Violation[];
  readonly seconds: number;
}

export class Hunt {
  readonly mutant: Mutant;
  readonly #seedsMax: number;
  readonly #open = new Set<number>();
  readonly #others = new Set<string>();
  #next = 0;
  #seconds = 0;
  #isDecided = false;
  #first: { readonly at: number; readonly seen: Violation } | undefined;

  constructor(mutant: Mutant, seedsMax: number) {
    this.mutant = mutant;
    this.#seedsMax = seedsMax;
  }

  /** Seeds that are being played. */
  get open(): number {
    return this.#open.size;
  }

  get hasBegun(): boolean {
    return this.#next > 0;
  }

  /** Whether there is a seed that nobody has taken and that may matter. */
  get hasMore(): boolean {
    return this.#first === undefined && this.#next < this.#seedsMax;
  }

  /** The next seed, counted from 0. */
  take(): number {
    const at = this.#next;
    this.#next += 1;
    this.#open.add(at);
    return at;
  }

  /** Answers the finding, once, when no seed that is being played could change it. */
  tried(at: number, { violations, seconds }: Tried): Finding | undefined {
    this.#open.delete(at);
    this.#seconds += seconds;
    const seen = violations.find(({ checker }) => this.mutant.caughtBy.includes(checker));
    if (seen !== undefined && at < (this.#first?.at ?? Number.POSITIVE_INFINITY)) this.#first = { at, seen };
    if (seen === undefined) for (const { checker } of violations) this.#others.add(checker);
    return this.#verdict();
  }

  /** The seed could not be played to its end. */
  failed(at: number, reason: string, seconds: number): Finding | undefined {
    this.#others.add(reason);
    return this.tried(at, { violations: [], seconds });
  }

  #verdict(): Finding | undefined {
    const first = this.#first;
    if (this.hasMore || this.#isDecided) return undefined;
    if ([...this.#open].some((at) => first === undefined || at < first.at)) return undefined;
    this.#isDecided = true;
    const seeds = first === undefined ? this.#seedsMax : first.at + 1;
    return { mutant: this.mutant, seeds, seconds: this.#seconds, seen: first?.seen, others: this.#others };
  }
}

/**
 * Which hunt a free worker goes on with: one that was left, else a new one, else it helps where the fewest are. `undefined`
 * when nothing is left to begin.
 */
export function nextHunt(hunts: readonly Hunt[]): Hunt | undefined {
  const possible = hunts.filter(({ hasMore }) => hasMore);
  const left = possible.find(({ open, hasBegun }) => hasBegun && open === 0);
  const fresh = possible.find(({ hasBegun }) => !hasBegun);
  return left ?? fresh ?? possible.toSorted((a, b) => a.open - b.open)[0];
}
