// Lab 2A of 6.824, 3A of 6.5840: elections.

import { claim, electionTimeoutMs, type RaftLab } from './raft-lab.ts';
import { raftTest } from './raft-test.ts';
import type { LabTest } from './suite.ts';
import type { Body } from './threads.ts';

const part = { mit6824: '2A', mit65840: '3A' };

export const electionTests: readonly LabTest[] = [
  raftTest({ name: 'InitialElection', title: 'initial election', part, peers: 3, body: initialElection }),
  raftTest({ name: 'ReElection', title: 'election after network failure', part, peers: 3, body: reElection }),
  raftTest({ name: 'ManyElections', title: 'multiple elections', part, peers: 7, body: manyElections }),
];

function* initialElection(lab: RaftLab): Body {
  yield* lab.checkOneLeader();
  yield* lab.c.sleep(50);
  const term = lab.checkTerms();
  claim(term >= 1, () => `term is ${term}, but should be at least 1`);
  yield* lab.c.sleep(2 * electionTimeoutMs);
  // Nothing failed meanwhile, so the term should be the same; the labs only warn.
  lab.checkTerms();
  yield* lab.checkOneLeader();
}

function* reElection(lab: RaftLab): Body {
  const first = yield* lab.checkOneLeader();
  lab.disconnect(first);
  yield* lab.checkOneLeader();
  lab.connect(first);
  const second = yield* lab.checkOneLeader();

  lab.disconnect(second);
  lab.disconnect(second + 1);
  yield* lab.c.sleep(2 * electionTimeoutMs);
  lab.checkNoLeader();

  lab.connect(second + 1);
  yield* lab.checkOneLeader();
  lab.connect(second);
  yield* lab.checkOneLeader();
}

function* manyElections(lab: RaftLab): Body {
  yield* lab.checkOneLeader();
  for (let round = 1; round < 10; round++) {
    const off = [lab.below(lab.size), lab.below(lab.size), lab.below(lab.size)];
    for (const at of off) lab.disconnect(at);
    yield* lab.checkOneLeader();
    for (const at of off) lab.connect(at);
  }
  yield* lab.checkOneLeader();
}
