// Clients add 1 again and again while nodes are killed and answers are lost. What comes out is set
// beside what was asked for.

import assert from 'node:assert/strict';
import type { SessionReply, SessionRules } from '@kontiki/raft/sessions';
import { Chance } from '../core/chance.ts';
import { type Pending, SessionCluster, type TestClient } from './session-cluster.ts';
import { add } from './tally.ts';

export interface CountingOptions {
  readonly clients: number;
  readonly kills: number;
  readonly size?: number;
  readonly rules?: SessionRules;
}

export interface Count {
  readonly increments: number;
  readonly sums: readonly number[];
  readonly tables: ReadonlySet<string>;
  readonly kills: number;
  readonly answersLost: number;
  readonly duplicates: number;
  readonly restoredSnapshots: number;
  readonly leaderChanges: number;
  readonly ticks: number;
}

export function count(seed: number, { clients, kills, size = 3, rules }: CountingOptions): Count {
  const chance = new Chance(seed);
  const cluster = new SessionCluster({
    size,
    settings: { snapshotEntries: 100, catchUpEntries: 20, timeoutTicks: 60 },
    limits: { idleTicks: 100_000 },
    ...(rules === undefined ? {} : { rules }),
  });
  const people = Array.from({ length: clients }, (_, n) => cluster.client(`${seed} ${n}`).open());
  cluster.mishap = () => ({
    isRequestLost: chance.often(0.05),
    isRequestDoubled: chance.often(0.1),
    isAnswerLost: chance.often(0.1),
    delayTicks: chance.often(0.3) ? chance.below(20) : 0,
  });
  cluster.network.filter = () => !chance.often(0.02);
  const pending: Pending<SessionReply>[] = [];
  const seen = { kills: 0, duplicates: 0, restored: 0, leaderChanges: 0 };
  const depart = (life: (typeof cluster.seats)[number]['life']): void => {
    if (life === undefined) return;
    seen.duplicates += life.machine.table.duplicates;
    seen.restored += life.driver.metrics.snapshots.restored;
    seen.leaderChanges += life.driver.metrics.leaderChanges;
  };

  while (seen.kills < kills) {
    for (const person of people) if (chance.often(0.04)) ask(person, pending);
    cluster.time.advance(1);
    const seat = chance.pick(cluster.seats);
    if (seat.life === undefined) {
      if (chance.often(0.2)) cluster.start(seat);
    } else if (chance.often(0.04) && cluster.running().length * 2 > size) {
      depart(seat.life);
      cluster.kill(seat);
      seen.kills += 1;
    }
  }
  cluster.network.filter = () => true;
  for (const seat of cluster.seats) if (seat.life === undefined) cluster.start(seat);
  cluster.time.until(() => pending.every(({ outcome }) => outcome !== undefined), 'every increment is answered');
  for (const { outcome } of pending) {
    assert.ok(outcome?.kind === 'done', outcome?.kind === 'failed' ? outcome.error.message : '');
  }
  const states = cluster.converge();
  for (const { life, stopped } of cluster.seats) {
    assert.equal(stopped, undefined, 'no node stopped itself');
    depart(life);
  }
  return {
    increments: pending.length,
    sums: states.map(({ sum }) => sum),
    tables: new Set(states.map(({ table }) => table)),
    kills: seen.kills,
    answersLost: cluster.answersLost,
    duplicates: seen.duplicates,
    restoredSnapshots: seen.restored,
    leaderChanges: seen.leaderChanges,
    ticks: cluster.time.now,
  };
}

/** At most a few at a time, so that a client has some under way and none has all. */
function ask(person: TestClient, pending: Pending<SessionReply>[]): void {
  if (person.calls.pending < 4) pending.push(person.begin(add(1)));
}
