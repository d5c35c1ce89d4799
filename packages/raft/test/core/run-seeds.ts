// Runs a list of seeds through the hostile world and adds up what happened in them.

import type { Cluster } from './cluster.ts';
import { drawCluster } from './draw-cluster.ts';

/** Unkind events in one run. */
const turns = 2500;
/** Turns that a healed cluster may take until a new entry is applied everywhere. */
const turnsToConverge = 600;

/** `count` seeds from `from` on, or the one that SEED names. */
export function seedsOf(from: number, count: number): readonly number[] {
  const only = process.env.SEED;
  return only === undefined ? Array.from({ length: count }, (_, at) => from + at) : [Number(only)];
}

export function runSeeds(
  seeds: readonly number[],
  draw: (seed: number) => Cluster = drawCluster,
): Readonly<Record<string, number>> {
  const total = { elections: 0, commits: 0, reads: 0, crashes: 0, restores: 0, changes: 0 };
  for (const seed of seeds) {
    const cluster = draw(seed);
    try {
      runToTheEnd(cluster);
    } catch (error) {
      console.error(`SEED=${seed} repeats this run: ${cluster.describe()}`);
      throw error;
    }
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += cluster.happened[key] ?? 0;
  }
  return total;
}

/** Safety under faults, then progress without them. */
export function runToTheEnd(cluster: Cluster): void {
  for (let count = 0; count < turns; count += 1) cluster.event();
  cluster.heal();
  cluster.converge(turnsToConverge);
}
