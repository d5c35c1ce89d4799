// What many runs add up to: whether each was worth its time, what they did to the clusters, which corners they reached.

import { expectedMarks, unreachable } from './marks.ts';
import type { Size } from './plan.ts';
import type { Report, Violation } from './run.ts';

/** One run, as it comes back from whoever played it. */
export interface SeedResult {
  readonly seed: number;
  readonly report: Pick<Report, 'counts' | 'faults' | 'marks' | 'ticks' | 'traceHash'>;
  readonly violations: readonly Violation[];
}

/** Of a minute of virtual time: a run with less has shown little, and counts as idle. */
const enough = { acknowledged: 300, faults: 5 };

export class Tally {
  readonly #size: Size;
  readonly #counts: Record<string, number> = {};
  readonly #faults: Record<string, number> = {};
  readonly #marks: Record<string, number> = {};
  readonly #hashes = new Map<number, string>();
  readonly #failures: SeedResult[] = [];
  readonly #idle: number[] = [];
  #runs = 0;
  #ticks = 0;

  constructor(size: Size) {
    this.#size = size;
  }

  add(result: SeedResult): void {
    const { seed, report, violations } = result;
    this.#runs += 1;
    this.#ticks += report.ticks;
    this.#hashes.set(seed, report.traceHash);
    addTo(this.#counts, report.counts);
    addTo(this.#faults, report.faults);
    addTo(this.#marks, report.marks);
    if (violations.length > 0) this.#failures.push(result);
    else if (this.#isIdle(report)) this.#idle.push(seed);
  }

  get runs(): number {
    return this.#runs;
  }

  get failures(): readonly SeedResult[] {
    return this.#failures.toSorted((a, b) => a.seed - b.seed);
  }

  get idle(): readonly number[] {
    return this.#idle.toSorted((a, b) => a - b);
  }

  /** Of virtual time. */
  get ticks(): number {
    return this.#ticks;
  }

  get counts(): Readonly<Record<string, number>> {
    return this.#counts;
  }

  get faults(): Readonly<Record<string, number>> {
    return this.#faults;
  }

  /** Expected corners that no run has reached. */
  get missed(): readonly string[] {
    return expectedMarks.filter((mark) => !(mark in this.#marks) && !(mark in unreachable));
  }

  get marksReached(): number {
    return expectedMarks.filter((mark) => mark in this.#marks).length;
  }

  /** Corners that were reached though the table says that nobody can. */
  get surprises(): readonly string[] {
    return Object.keys(unreachable).filter((mark) => mark in this.#marks);
  }

  /** One hash of all traces, whatever the order in which they came. */
  get hash(): string {
    let hash = 0x811c9dc5;
    for (const [seed, trace] of [...this.#hashes].sort(([a], [b]) => a - b)) {
      for (const char of `${seed} ${trace};`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    }
    return (hash >>> 0).toString(16).padStart(8, '0');
  }

  #isIdle({ counts, ticks: _ }: SeedResult['report']): boolean {
    const share = this.#size.seconds / 60;
    return (counts.acknowledged ?? 0) < enough.acknowledged * share || (counts.faults ?? 0) < enough.faults * share;
  }
}

function addTo(total: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) total[name] = (total[name] ?? 0) + count;
}
