// The key/value labs can go red where it takes more clients, more servers and more time.

import { testsOf } from './red.ts';

testsOf([
  {
    bug: 'snapshots without what is known of clients',
    rules: { keepsClients: false },
    test: 'KvSnapshotUnreliableRecover3B',
    setting: 'hard',
    seeds: 5,
    says: /is twice in|not ".*y"$/,
  },
  {
    bug: 'reads answered by whoever believes to lead, on random keys',
    rules: { readsThroughLog: false },
    test: 'KvPersistPartitionUnreliableLinearizable3A',
    setting: 'paper',
    seeds: 5,
    says: /calls have an order, no call can come next/,
  },
]);
