// Where a callback ends and a promise begins.

import type { Completion } from '@kontiki/raft';

export function promised<T>(begin: (done: Completion<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((outcome) => {
      if (outcome.kind === 'done') resolve(outcome.value);
      else reject(outcome.error);
    });
  });
}
