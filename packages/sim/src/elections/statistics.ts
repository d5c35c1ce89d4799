// Numbers that say what many elections were like.

import type { Outcome } from './election.ts';

/** Every half percent: enough to draw a curve. */
const steps = 200;
/** How many elections the `opening` of a summary covers. */
export const openingTrials = 50;

export interface Summary {
  readonly trials: number;
  /** Broken off without a leader. */
  readonly undecided: number;
  /** Whose first term had no leader. */
  readonly split: number;
  /** All times in the unit that `summarize` was asked for. */
  readonly mean: number;
  /** Of the mean. */
  readonly standardError: number;
  readonly median: number;
  readonly p999: number;
  readonly max: number;
  /** The mean of the first ones: whoever plays so many again knows whether all would come out the same. */
  readonly opening: number;
  /** The time within which 0 %, 0.5 %, … 100 % of the elections were over. */
  readonly curve: readonly number[];
}

export function summarize(outcomes: readonly Outcome[], ticksPerUnit: number): Summary {
  const trials = outcomes.length;
  if (trials === 0) throw new RangeError('of no elections nothing can be said');
  const inOrder = outcomes.map(({ ticks }) => ticks / ticksPerUnit);
  const times = inOrder.toSorted((a, b) => a - b);
  const mean = meanOf(times);
  const variance = times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / Math.max(1, trials - 1);
  return {
    trials,
    undecided: outcomes.filter(({ wasDecided }) => !wasDecided).length,
    split: outcomes.filter(({ leaderlessTerms }) => leaderlessTerms > 0).length,
    mean,
    standardError: Math.sqrt(variance / trials),
    median: quantile(times, 0.5),
    p999: quantile(times, 0.999),
    max: quantile(times, 1),
    opening: meanOf(inOrder.slice(0, openingTrials)),
    curve: Array.from({ length: steps + 1 }, (_, at) => quantile(times, at / steps)),
  };
}

function meanOf(times: readonly number[]): number {
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}

/** The smallest of the sorted times that this share of them does not exceed. */
export function quantile(sorted: readonly number[], share: number): number {
  const time = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (time === undefined) throw new RangeError('of nothing there is no quantile');
  return time;
}

/** Of a share that was measured in so many trials, where the true one is known. */
export function standardErrorOf(share: number, trials: number): number {
  return Math.sqrt((share * (1 - share)) / trials);
}
