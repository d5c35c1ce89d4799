// What every mutant is: the right rules but for the decision that its bug got wrong, under a name of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutants } from '@kontiki/member/mutants';
import { memberRules } from '../../src/rules.ts';

const decisions: Readonly<Record<string, string>> = {
  lostCommandGivenAgain: 'afterLost',
  commandLostWithLeader: 'isLostWithLeader',
  snapshotTakenForOverwrite: 'isHidden',
  waiterBySequence: 'isOurs',
  readWithoutBarrier: 'readsWait',
  expiryByDeposedLeader: 'fencesExpiry',
  renewalUnconfirmed: 'confirmsLeadership',
  newLeaderCutsTtl: 'ttlOfNewLeader',
  leasesRunTwiceAsFast: 'leaseSecond',
};

test('each mutant decides one thing wrongly, and everything else right', () => {
  const keys = Object.keys(memberRules) as (keyof typeof memberRules)[];
  const found = mutants.map(({ name, rules: { member: rules } }) => {
    assert.deepEqual(Object.keys(rules).sort(), [...keys].sort());
    assert.equal(rules.name, name);
    const wrong = keys.filter((key) => key !== 'name' && rules[key] !== memberRules[key]);
    return [name, wrong.join(' and ')];
  });

  assert.deepEqual(Object.fromEntries(found), decisions);
});

test('no two mutants have one name', () => {
  const names = mutants.map(({ name }) => name);

  assert.deepEqual(names, [...new Set(names)]);
});

test('each mutant says in a sentence what is wrong, and which checkers may see it', () => {
  for (const { name, about, caughtBy } of mutants) {
    assert.match(about, /^[A-Z].*\.$/, name);
    assert.ok(caughtBy.length > 0, name);
  }
});
