// One kind of trouble at a time, on whole members, often enough to meet itself. Which property would break is for the checkers to
// say; that the trouble has come is checked here. `SEED=n` repeats one seed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '@kontiki/sim/node';
import type { FaultKind, Plan } from '../../src/plan.ts';
import { run } from '../../src/run.ts';

const seeds = process.env.SEED === undefined ? [1, 2] : [Number(process.env.SEED)];
const usual = {
  clients: 4,
  thinkTicks: 40,
  faultEvery: 60,
  downMax: 1,
  latency: { least: 0, most: 2 },
  messages: { lost: 0, doubled: 0, held: 0, rare: 0, heldTicks: 10 },
  syncTicks: 1,
  flushTicks: 2,
} as const satisfies Partial<Plan>;

interface Scenario {
  readonly title: string;
  readonly members?: number;
  readonly faults: readonly FaultKind[];
  readonly plan?: Partial<Plan>;
  /** Counts of the report that must not be zero, over all seeds: else the trouble has not come. */
  readonly seen: readonly string[];
}

const scenarios: readonly Scenario[] = [
  {
    title: 'messages that are lost, doubled and late take nothing back',
    faults: ['heal'],
    plan: { messages: { lost: 10, doubled: 50, held: 50, rare: 0, heldTicks: 10 } },
    seen: ['acknowledged'],
  },
  {
    title: 'rings, bridges and links of one direction: writes go on once a majority hears itself',
    members: 5,
    faults: ['ring', 'bridge', 'cutOneWay', 'isolateLeader', 'heal'],
    seen: ['cut ring', 'cut bridge', 'cut oneWay', 'cut isolate'],
  },
  {
    title: 'disks that are slow or stand still, the leader’s too: another leads, and nothing is lost',
    faults: ['slowDisk', 'stallDisk'],
    seen: ['slowDisk', 'stallDisk'],
  },
  {
    title: 'processes that stand still for longer than an election serve nothing stale when they wake',
    faults: ['stall', 'stallLong'],
    plan: { downMax: 2 },
    seen: ['sleep'],
  },
  {
    title: 'all power fails at once, again and again',
    faults: ['killEverybody'],
    plan: { faultEvery: 100, downMax: 3, syncTicks: 8 },
    seen: ['kill'],
  },
  {
    title: 'snapshots on their way meet lost links and dying members',
    faults: ['killProcess', 'losePower', 'isolate', 'reset', 'heal'],
    plan: { faultEvery: 40, valueBytes: 700, thinkTicks: 10 },
    seen: ['installs', 'kill', 'cut isolate'],
  },
  {
    title: 'leadership is moved about under load, to members that are there and that are not',
    faults: ['moveLeader', 'killProcess'],
    plan: { faultEvery: 30 },
    seen: ['moveLeader', 'kill'],
  },
  {
    title: 'a machine that is lost with its disk is removed, and another takes its place under a new id',
    members: 5,
    faults: ['replaceMember'],
    plan: { votersLeast: 3 },
    seen: ['loseMachine', 'removeMember', 'addMember', 'join'],
  },
];

for (const { title, members = 3, faults, plan, seen } of scenarios) {
  test(title, async (t) => {
    const total: Record<string, number> = {};
    for (const seed of seeds) {
      const settings = { electionTicks: 20, heartbeatTicks: 2, catchUpEntries: 3 };
      const report = await run(seed, {
        host: nodeHost,
        size: { members, seconds: 15 },
        plan: { settings, ...usual, faults, ...plan },
      });
      for (const [name, count] of Object.entries({ ...report.counts, ...report.faults })) {
        total[name] = (total[name] ?? 0) + count;
      }
    }

    t.diagnostic(JSON.stringify(total));
    for (const name of seen) assert.ok((total[name] ?? 0) > 0, `no seed has seen ${name}`);
  });
}
