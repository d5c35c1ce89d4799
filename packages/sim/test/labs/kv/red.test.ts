// The key/value labs can go red: for each decision that makes a service right, the other one, and a test that it fails.

import { testsOf } from './red.ts';

testsOf([
  {
    bug: 'repeated appends carried out again, on one server',
    rules: { isRepeat: () => false },
    test: 'SingleUnreliableOneKey',
    setting: 'paper',
    says: /is twice in|not linearizable/,
  },
  {
    bug: 'repeated appends carried out again, on a group',
    rules: { isRepeat: () => false },
    test: 'KvUnreliableOneKey3A',
    setting: 'product',
    says: /is twice in/,
  },
  {
    bug: 'reads answered by whoever believes to lead',
    rules: { readsThroughLog: false },
    test: 'KvOnePartition3A',
    setting: 'paper',
    says: /1 calls were answered in a minority/,
  },
  {
    bug: "an answer for somebody else's operation at the awaited index",
    rules: { isMine: () => true },
    test: 'RsmLeaderPartition',
    setting: 'paper',
    seeds: 20,
    says: /of a deposed leader were carried out/,
  },
  {
    bug: 'a clerk that never says maybe',
    rules: { admitsMaybe: false },
    test: 'SinglePutUnreliable',
    setting: 'paper',
    says: /errVersion, not ok/,
  },
  {
    bug: 'a clerk that never says maybe, on a group',
    rules: { admitsMaybe: false },
    test: 'KvUnreliable4B',
    setting: 'product',
    says: /not linearizable|version \d+ after/,
  },
  {
    bug: 'puts at any version',
    rules: { replaces: () => true },
    test: 'SinglePut',
    setting: 'paper',
    says: /put k at 0: ok, not errVersion/,
  },
  {
    bug: 'a lock that is taken whoever has it',
    rules: { isFree: () => true },
    test: 'LockManyClientsReliable',
    setting: 'paper',
    says: /is not alone|releases a lock of|puts its name|takes its name away|get l0/,
  },
]);
