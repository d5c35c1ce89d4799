// The labs' generic test of a replicated store: three rounds in which clients work for some seconds while servers are cut off
// or die, and then what they wrote is looked for. What the clients write and how it is checked, each course says for itself.

import { electionTimeoutMs } from '../raft-lab.ts';
import type { Body, Thread } from '../threads.ts';
import { faultsUnderLoad, randomHalves } from './faults-under-load.ts';
import type { KvGroup } from './kv-group.ts';

export interface GenericFlags {
  readonly clients: number;
  readonly crashes?: boolean;
  readonly partitions?: boolean;
  readonly hasRandomKeys?: boolean;
}

export interface GenericRun<Request, Answer, Result> extends GenericFlags {
  readonly group: KvGroup<Request, Answer>;
  readonly roundMs: number;
  /** Works until it is over. */
  readonly work: (number: number, isOver: () => boolean) => Body<Result>;
  /** Looks at what a round has left. */
  readonly check: (results: readonly Result[]) => Body;
}

const rounds = 3;

/**
 * Between two calls of a client, at most. Five clients have some fifty calls in a second and fifteen have some sixty, as in the
 * lectures' own samples.
 */
export function thinkMsOf(clients: number): number {
  return Math.max(200, 30 * clients);
}

export function* genericTest<Request, Answer, Result>(run: GenericRun<Request, Answer, Result>): Body {
  for (let round = 0; round < rounds; round += 1) yield* oneRound(run);
}

function* oneRound<Request, Answer, Result>(run: GenericRun<Request, Answer, Result>): Body {
  const { group, clients, crashes = false, partitions = false, work, check, roundMs } = run;
  const { threads } = group;
  let isOver = false;
  const working = Array.from({ length: clients }, (_, number) => threads.spawn(() => work(number, () => isOver)));
  const striking = strike(run, () => isOver);
  // The labs of 2022 let the clients work for a second before the first partition, and then for the whole time.
  yield* threads.sleep(roundMs + (partitions ? 1000 : 0));
  isOver = true;
  for (const thread of striking) yield* threads.join(thread);
  if (partitions) {
    // A request that a minority took is answered only when its server has learnt of a new term.
    group.connectAll();
    yield* threads.sleep(electionTimeoutMs);
  }
  if (crashes) yield* group.restartAll();
  yield* check(yield* threads.joinAll(working));
  const { logBytesMax } = group;
  if (logBytesMax === undefined) group.checkSnapshot(0);
  else group.checkLog(8 * logBytesMax);
}

/** The labs' own partitions; or, where they are mended, faults of all kinds at any moment. */
function strike<Request, Answer, Result>(
  { group, crashes = false, partitions = false }: GenericRun<Request, Answer, Result>,
  isOver: () => boolean,
): readonly Thread<void>[] {
  const { threads, cluster } = group;
  if (!crashes && !partitions) return [];
  if (cluster.setting.name === 'hard') {
    return [threads.spawn(() => faultsUnderLoad(group, { crashes, partitions }, isOver))];
  }
  return partitions ? [threads.spawn(() => partitioner(group, isOver))] : [];
}

function* partitioner<Request, Answer>(group: KvGroup<Request, Answer>, isOver: () => boolean): Body {
  const { threads, cluster, chance } = group;
  yield* threads.sleep(1000);
  while (!isOver()) {
    cluster.partition(randomHalves(group));
    yield* threads.sleep(electionTimeoutMs + chance.below(200));
  }
}
