// Runs a list of seeds through the hostile world and adds up what happened in them.

import { type ClusterOptions, drawCluster } from './cluster.ts';

/** Unkind events in one run. */
export const turnsOf = 2500;

/** `count` seeds from `from` on, or the one that SEED names. */
export function seedsOf(from: number, count: number): readonly number[] {
  const only = process.env.SEED;
  return only === undefined ? Array.from({ length: count }, (_, at) => from + at) : [Number(only)];
}

export function runSeeds(
  seeds: readonly number[],
  overrides: Partial<ClusterOptions> = {},
): Readonly<Record<string, number>> {
  const total = { elections: 0, commits: 0, reads: 0, crashes: 0, restores: 0 };
  for (const seed of seeds) {
    const cluster = drawCluster(seed, overrides);
    try {
      for (let count = 0; count < turnsOf; count += 1) cluster.event();
      cluster.heal();
      cluster.converge(600);
    } catch (error) {
      console.error(`SEED=${seed} repeats this run: ${cluster.describe()}`);
      throw error;
    }
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += cluster.counts[key];
  }
  return total;
}
