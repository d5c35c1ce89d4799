// HashKV looks at every row, which is too much for one turn of the loop: a bounded number of rows each, until it is through.

import type { Store } from '@kontiki/kv';
import type { Ticker } from '@kontiki/raft';
import type { Member } from './api.ts';

const rowsPerTurn = 2000;

export function hashInTurns(store: Store, ticker: Ticker, revision: number): ReturnType<Member['hashKv']> {
  const job = store.hashKv(revision);
  if ('code' in job) {
    const code = job.code === 'compacted' ? 'compacted' : 'futureRevision';
    return Promise.resolve({ kind: 'error', code });
  }
  return new Promise((resolve, reject) => {
    const step = (): void => {
      try {
        const result = job.step(rowsPerTurn);
        if (result === undefined) {
          ticker.defer(step);
          return;
        }
        const { hash, compactRevision, hashRevision } = result;
        resolve({ hash, compactRevision, hashRevision });
      } catch (error: unknown) {
        job.close();
        reject(error);
      }
    };
    step();
  });
}
