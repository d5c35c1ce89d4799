// The judge of the fault runs can go red: each fault of our own making is seen, and for what it is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '@kontiki/sim/node';
import type { Plan } from '../src/plan.ts';
import type { PlantedFault } from '../src/planted.ts';
import { run, ViolationError } from '../src/run.ts';

const seedsMax = 60;
const usual = {
  members: 3,
  ticks: 800,
  clients: 6,
  thinkTicks: 5,
  settings: { electionTicks: 20, heartbeatTicks: 2 },
} as const satisfies Partial<Plan>;

const rows: readonly {
  readonly fault: PlantedFault;
  readonly seenAs: RegExp;
  readonly plan: Partial<Plan>;
}[] = [
  {
    fault: 'logAnswersBeforeSync',
    seenAs: /the log has lost entries|is not there|nobody has|others have/,
    plan: { faults: ['losePower', 'killEverybody'], faultEvery: 40, syncTicks: 8 },
  },
  {
    fault: 'acknowledgementOvertakesWrite',
    seenAs: /denies committed entry|is not there|nobody has|others have|than others|lost entries|is not/,
    plan: { faults: ['losePower', 'killEverybody'], faultEvery: 15, syncTicks: 8, downMax: 3 },
  },
  {
    fault: 'backendReportsEarly',
    seenAs: /no snapshot covers the gap/,
    plan: {
      faults: ['losePower'],
      faultEvery: 40,
      flushTicks: 150,
      settings: { electionTicks: 20, heartbeatTicks: 2, catchUpEntries: 3 },
    },
  },
  {
    fault: 'positionBehindRows',
    seenAs: /applied twice|than others|others have|of different members|different times/,
    plan: { faults: ['killProcess'], faultEvery: 40 },
  },
  {
    fault: 'commandGivenAgain',
    seenAs: /was applied twice/,
    plan: { faults: ['reset', 'cut', 'heal'], faultEvery: 15, latency: { least: 1, most: 4 } },
  },
  { fault: 'requestArrivesTwice', seenAs: /was applied twice/, plan: { faults: ['heal'] } },
  {
    fault: 'readsWithoutBarrier',
    seenAs: /had been told before it began/,
    plan: { faults: ['isolate', 'heal'], faultEvery: 40 },
  },
  { fault: 'leasesRunTwiceAsFast', seenAs: /lease \d+ ended/, plan: { faults: ['heal'] } },
  { fault: 'watchSkipsARevision', seenAs: /w\d was told/, plan: { faults: ['killProcess'], faultEvery: 100 } },
];

for (const { fault, seenAs, plan } of rows) {
  test(`a planted fault is seen: ${fault}`, async (t) => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const found: unknown = await run(seed, { host: nodeHost, planted: [fault], plan: { ...usual, ...plan } }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (found === undefined) continue;
      assert.ok(found instanceof ViolationError, String(found));
      assert.match(found.message, seenAs);
      t.diagnostic(found.message.slice(0, 150));
      // Without it the same run is clean.
      await run(seed, { host: nodeHost, plan: { ...usual, ...plan } });
      return;
    }
    assert.fail(`no seed up to ${seedsMax} has seen it`);
  });
}
