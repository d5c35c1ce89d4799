// The second swarm: seeds of clients with sessions, in every campaign beside those of the cluster. A run takes a sixth of the
// time of one of those, and nothing of it is saved: its seed is all there is to repeat.

import { mutantNamed } from '../mutants.ts';
import type { Print } from './command-line.ts';
import type { Pool } from './pool.ts';

export interface SessionSeeds {
  readonly from: number;
  readonly seeds: number;
  readonly mutant: string | undefined;
}

/** How many seeds of each swarm a campaign plays: one of sessions for ten of the cluster, and none with a bug of the others. */
export function shareOut(
  seeds: number,
  mutant: string | undefined,
): { readonly ofCluster: number; readonly ofSessions: number } {
  if (mutant === undefined) return { ofCluster: seeds, ofSessions: Math.ceil(seeds / 10) };
  const isOfSessions = mutantNamed(mutant).swarm === 'sessions';
  return isOfSessions ? { ofCluster: 0, ofSessions: seeds } : { ofCluster: seeds, ofSessions: 0 };
}

/** Answers how many failed. */
export async function playSessions({ from, seeds, mutant }: SessionSeeds, pool: Pool, print: Print): Promise<number> {
  if (seeds === 0) return 0;
  let failed = 0;
  const total = { increments: 0, kills: 0, duplicates: 0, reads: 0, leaseReads: 0 };
  const play = async (seed: number): Promise<void> => {
    const { violations, figures } = await pool.playSessions(seed, mutant);
    for (const name of ['increments', 'kills', 'duplicates', 'reads', 'leaseReads'] as const)
      total[name] += figures[name];
    const [first] = violations;
    if (first === undefined) return;
    failed += 1;
    const repeat = `npm run sim -- --from ${seed} --seeds 1${mutant === undefined ? '' : ` --mutant ${mutant}`}`;
    print(`seed ${seed} of sessions FAILS: ${first.checker}: ${first.text}`);
    print(`  repeat it: ${repeat}`);
  };
  await Promise.all(Array.from({ length: seeds }, (_, at) => play(from + at)));
  const { increments, kills, duplicates, reads, leaseReads } = total;
  print(
    `sessions: ${seeds} seeds, ${failed} failed; ${increments} increments acknowledged, ${duplicates} copies recognised, ` +
      `${reads} reads, ${leaseReads} of them by lease, ${kills} kills`,
  );
  return failed;
}
