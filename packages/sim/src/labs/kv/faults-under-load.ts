// What the labs do not do: servers die and networks part while clients work, at moments that nobody chose. (In the labs of
// 2025, clients are done before the first server is stopped.)

import type { Body } from '../threads.ts';
import type { KvGroup } from './kv-group.ts';

export interface Faults {
  readonly crashes: boolean;
  readonly partitions: boolean;
}

/** Until it is over; then everybody runs and is connected. */
export function* faultsUnderLoad<Request, Answer>(
  group: KvGroup<Request, Answer>,
  { crashes, partitions }: Faults,
  isOver: () => boolean,
): Body {
  const { chance, threads, cluster } = group;
  let groups: readonly (readonly number[])[] = [group.everybody];
  while (!isOver()) {
    // Deaths at drawn moments find a disk at rest almost always.
    if (crashes) cluster.cutPowerAtNextWrite(chance.pick(group.everybody));
    yield* threads.sleep(chance.between(50, 1500));
    if (partitions && (!crashes || chance.oneIn(2))) {
      groups = chance.oneIn(3) ? [group.everybody] : randomHalves(group);
      cluster.partition(groups);
    } else if (crashes) {
      const victims = chance.oneIn(5) ? group.everybody : group.everybody.filter(() => chance.oneIn(3));
      for (const at of victims) group.shutdown(at);
      yield* threads.sleep(chance.between(1, 800));
      for (const at of victims) group.start(at);
      cluster.partition(groups);
    }
  }
  cluster.partition([group.everybody]);
}

/** Each server at random in one of two groups, one of which may be empty. */
export function randomHalves<Request, Answer>({ everybody, chance }: KvGroup<Request, Answer>): readonly number[][] {
  const halves: [number[], number[]] = [[], []];
  for (const at of everybody) halves[chance.below(2) === 0 ? 0 : 1].push(at);
  return halves;
}
