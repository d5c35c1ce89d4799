// Which cluster a seed stands for: its size, its options, and which faults exist in it at all (swarm testing).

import type { Configuration, NodeId } from '../../src/core/api.ts';
import { Chance } from './chance.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';

const noConfiguration: Configuration = { voters: [], outgoing: [], learners: [], addresses: [] };

/** Draws a cluster and which faults exist at all (swarm testing). */
export function drawCluster(seed: number, overrides: Partial<ClusterOptions> = {}): Cluster {
  const chance = new Chance(seed ^ 0x5eed);
  const some = (probability: number, most: number): number => (chance.often(probability) ? chance.next() * most : 0);
  const size = chance.pick([1, 2, 3, 3, 3, 4, 5, 5]);
  const ids = Array.from({ length: size }, (_, at) => `n${at + 1}` as NodeId);
  const joint = chance.often(0.2) && size >= 3;
  const configuration: Configuration = {
    ...noConfiguration,
    voters: joint ? ids.slice(0, Math.ceil(size / 2) + 1) : ids,
    outgoing: joint ? ids.slice(1) : [],
    learners: chance.often(0.2) ? ['n9' as NodeId] : [],
  };
  const changing = chance.often(0.5);
  const leaseReads = chance.often(0.3);
  const options: ClusterOptions = {
    seed,
    configuration,
    spares: changing ? (['n6', 'n7', 'n8'] as NodeId[]).slice(chance.below(3)) : [],
    preVote: chance.often(0.7),
    checkQuorum: leaseReads || chance.often(0.7),
    leaseReads,
    smallLimits: chance.often(0.5),
    faults: {
      loss: some(0.6, 0.4),
      doubling: some(0.5, 0.4),
      reordering: some(0.7, 1),
      crashes: some(0.7, 1),
      partitions: some(0.5, 1),
      slowDisk: some(0.5, 0.95),
      slowApply: some(0.5, 0.9),
      campaigns: some(0.5, 1),
      transfers: some(0.4, 1),
      compaction: some(0.6, 1),
      pauses: some(0.4, 1),
      changes: changing ? chance.next() : 0,
      skew: chance.often(0.5),
    },
    ...overrides,
  };
  return new Cluster(options);
}

/** Few voters, no pre-vote, constant campaigns and power failures: where a vote that counts twice is soonest found out. */
export function roughCluster(seed: number, overrides: Partial<ClusterOptions> = {}): Cluster {
  return drawCluster(seed, {
    configuration: { ...noConfiguration, voters: ['n1', 'n2', 'n3'] as NodeId[] },
    spares: [],
    preVote: false,
    checkQuorum: false,
    leaseReads: false,
    smallLimits: true,
    faults: {
      loss: 0.1,
      doubling: 0.1,
      reordering: 0.3,
      crashes: 1,
      partitions: 0.5,
      slowDisk: 0.3,
      slowApply: 0.2,
      campaigns: 1,
      transfers: 0,
      compaction: 0.2,
      pauses: 0.2,
      changes: 0,
      skew: true,
    },
    ...overrides,
  });
}
