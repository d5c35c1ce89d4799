// The trace of a simulated run: members with their real logs, connections and stores, under the faults of a seed.

import type { Host } from '../host.ts';
import { planOf, type Size } from '../plan.ts';
import { type Report, run } from '../run.ts';
import { TracedRaft } from './traced-raft.ts';
import { TracedWorld } from './traced-world.ts';

/** Plays a seed and tells it line by line. Rejects with `ViolationError` where the run does. */
export async function traceSeed(
  seed: number,
  options: { readonly host: Host; readonly size?: Size },
  print: (line: string) => void,
): Promise<Report> {
  const world = new TracedWorld(print);
  const { settings } = planOf(seed, options.size);
  // The specification knows no pre-votes, and a refused one can bring a new term.
  const plan = { settings: { ...settings, preVote: false } };
  return await run(seed, { ...options, plan, around: (core) => new TracedRaft(core, world) });
}
