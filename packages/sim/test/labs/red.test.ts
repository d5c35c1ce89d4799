// The suites of the labs can go red: for each part a bug, planted, and the test that it fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Index } from '@kontiki/raft';
import { driverRules, mutants } from '@kontiki/raft/mutants';
import { rulesOf } from '@kontiki/raft/teaching';
import { mutants as walMutants } from '@kontiki/wal/mutants';
import type { Planted } from '../../src/labs/cluster.ts';
import type { SettingName } from '../../src/labs/settings.ts';
import { labTestsNamed, raftTests } from '../../src/labs/suite.ts';

function lesson(...names: readonly string[]): Planted {
  const core = rulesOf(names);
  assert.ok(core !== undefined, `there are lessons ${names.join(', ')}`);
  return { core };
}

function mutant(name: string): Planted {
  const rules = mutants.find((one) => one.name === name)?.rules;
  assert.ok(rules !== undefined, `there is a mutant ${name}`);
  return rules;
}

function walMutant(name: string): Planted {
  const rules = walMutants.find((one) => one.name === name)?.rules;
  assert.ok(rules !== undefined, `there is a mutant ${name} of the log`);
  return rules;
}

interface Red {
  readonly bug: string;
  readonly planted: Planted;
  readonly test: string;
  readonly setting: SettingName;
  /** One of this many seeds, from 1 on, shows it. */
  readonly seeds?: number;
  readonly says: RegExp;
}

const reds: readonly Red[] = [
  {
    bug: 'election timeouts of 6 s and more',
    planted: { settings: { electionTicks: 600 } },
    test: 'InitialElection',
    setting: 'paper',
    says: /there is no leader after 5 s/,
  },
  {
    bug: 'a majority that is half of the voters',
    planted: mutant('halfIsMajority'),
    test: 'ReElection',
    setting: 'product',
    says: /leads, and there is no quorum|two leaders|both lead/,
  },
  {
    bug: 'two leaders in a term',
    planted: mutant('leaderKeptInNewTerm'),
    test: 'ManyElections',
    setting: 'product',
    says: /both lead term/,
  },
  {
    bug: 'each command sent twice to each peer',
    planted: { sendsTwice: true },
    test: 'RPCBytes',
    setting: 'paper',
    says: /\d+ bytes of RPCs, at most 200000 are allowed/,
  },
  {
    bug: 'heartbeats every 10 ms',
    planted: { settings: { heartbeatTicks: 1 } },
    test: 'Count',
    setting: 'paper',
    says: /\d+ RPCs .* at most \d+ are allowed/,
  },
  {
    bug: 'votes for candidates with older logs',
    planted: lesson('no-noop', 'skip-up-to-date'),
    test: 'FailAgree',
    setting: 'paper',
    seeds: 10,
    says: /overwrites entry|denies committed entry|has applied/,
  },
  {
    bug: "a follower takes the leader's commit index for its own log",
    planted: lesson('no-noop', 'adopt-leader-commit'),
    test: 'Backup',
    setting: 'paper',
    says: /server \d applies \d+ at index \d+, server \d has applied/,
  },
  {
    bug: 'nothing stored, on a persister',
    planted: { losesStorage: true },
    test: 'Persist1',
    setting: 'paper',
    says: /have applied index 4|applies|no agreement/,
  },
  {
    bug: 'nothing stored, on a disk',
    planted: { losesStorage: true },
    test: 'Persist1',
    setting: 'hard',
    says: /have applied index 4|applies|no agreement/,
  },
  {
    bug: 'batches that are not synced',
    planted: walMutant('batchUnsynced'),
    test: 'Persist1',
    setting: 'hard',
    seeds: 5,
    says: /corrupt/,
  },
  {
    bug: 'snapshots that are not synced',
    planted: walMutant('snapshotUnsynced'),
    test: 'SnapshotAllCrash',
    setting: 'hard',
    seeds: 5,
    says: /there is no snapshot/,
  },
  {
    bug: 'a log that is never cut off behind a snapshot',
    planted: { driver: { ...driverRules, compactThrough: () => 0 as Index } },
    test: 'SnapshotBasic',
    setting: 'paper',
    says: /it must stay below 2000/,
  },
  {
    bug: 'a log that is cut off beyond the snapshot',
    planted: mutant('compactPastFlushed'),
    test: 'SnapshotInstallCrash',
    setting: 'product',
    says: /./,
  },
];

for (const { bug, planted, test: name, setting, seeds = 1, says } of reds) {
  test(`${name} fails (${setting}) with ${bug}`, () => {
    const [lab] = labTestsNamed([name], raftTests);
    assert.ok(lab !== undefined);
    assert.throws(() => {
      for (let seed = 1; seed <= seeds; seed++) lab.run(setting, seed, planted);
    }, says);
  });
}

test('a bug of the log on a disk is none of the persister', () => {
  const [lab] = labTestsNamed(['Persist1'], raftTests);
  lab?.run('product', 1, walMutant('batchUnsynced'));
});
