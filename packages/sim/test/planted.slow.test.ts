// The judge of the fault runs can go red: on a schedule made for it, each of these bugs is seen, and for what it is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '@kontiki/sim/node';
import type { CheckerName } from '../src/checkers/names.ts';
import { mutantNamed } from '../src/mutants.ts';
import type { Plan } from '../src/plan.ts';
import type { PlantedFault } from '../src/planted.ts';
import { run, ViolationError } from '../src/run.ts';

const seedsMax = 20;
const usual = {
  members: 3,
  ticks: 800,
  clients: 6,
  thinkTicks: 5,
  settings: { electionTicks: 20, heartbeatTicks: 2 },
} as const satisfies Partial<Plan>;

const rows: readonly {
  /** A mutant by its name, or a fault that no rule decides. */
  readonly fault: string | { readonly planted: PlantedFault };
  readonly seenBy: readonly CheckerName[];
  /** On another seed the log itself may notice what is lost, and its member stop before a checker looks. */
  readonly mayStop?: true;
  readonly plan: Partial<Plan>;
}[] = [
  {
    fault: 'batchUnsynced',
    seenBy: ['DurableKept'],
    mayStop: true,
    plan: { faults: ['losePower', 'killEverybody'], faultEvery: 5, clients: 1, syncTicks: 8 },
  },
  {
    fault: 'claimBeforeDurable',
    seenBy: ['AcknowledgedDurable'],
    plan: { faults: ['losePower', 'killEverybody'], faultEvery: 15, syncTicks: 8, downMax: 3 },
  },
  {
    fault: 'flushReportedEarly',
    seenBy: ['FailStop', 'LogNotCompactedPastFlushed', 'MonotoneApplied'],
    plan: {
      faults: ['losePower'],
      faultEvery: 40,
      flushTicks: 150,
      settings: { electionTicks: 20, heartbeatTicks: 2, catchUpEntries: 3 },
    },
  },
  {
    fault: 'positionBehindRows',
    seenBy: ['KnownLogOracle', 'StateMachineSafety', 'MonotoneRevision', 'MonotoneApplied', 'EqualHash'],
    plan: { faults: ['killProcess'], faultEvery: 40 },
  },
  {
    fault: 'lostCommandGivenAgain',
    seenBy: ['KnownLogOracle'],
    plan: { faults: ['reset', 'cut', 'heal'], faultEvery: 15, latency: { least: 1, most: 4 } },
  },
  { fault: { planted: 'requestArrivesTwice' }, seenBy: ['KnownLogOracle'], plan: { faults: ['heal'] } },
  {
    fault: 'readWithoutBarrier',
    seenBy: ['KnownLogOracle', 'Linearizability'],
    plan: { faults: ['isolate', 'heal'], faultEvery: 40 },
  },
  { fault: 'leasesRunTwiceAsFast', seenBy: ['LeaseNotEarly'], plan: { faults: ['heal'] } },
  {
    fault: { planted: 'watchSkipsARevision' },
    seenBy: ['WatchResumable', 'WatchReliable'],
    plan: { faults: ['killProcess'], faultEvery: 100 },
  },
];

for (const { fault, seenBy, mayStop, plan } of rows) {
  const bug = typeof fault === 'string' ? { rules: mutantNamed(fault).rules } : { planted: [fault.planted] };
  test(`a bug is seen: ${typeof fault === 'string' ? fault : fault.planted}`, async (t) => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const found: unknown = await run(seed, { host: nodeHost, ...bug, plan: { ...usual, ...plan } }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (found === undefined) continue;
      assert.ok(found instanceof ViolationError, String(found));
      if (mayStop && found.violations.every(({ checker }) => checker === 'FailStop')) continue;
      assert.ok(
        found.violations.some(({ checker }) => seenBy.includes(checker)),
        found.message,
      );
      t.diagnostic(found.message.slice(0, 150));
      // Without it the same run is clean.
      await run(seed, { host: nodeHost, plan: { ...usual, ...plan } });
      return;
    }
    assert.fail(`no seed up to ${seedsMax} has seen it`);
  });
}
