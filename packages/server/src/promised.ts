// Ports complete by callback; the server, which is outermost, waits for them with promises.

import type { Completion, Done } from '@kontiki/raft';

export function answered(start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === undefined ? resolve() : reject(error)));
  });
}

export function completed<T>(start: (completion: Completion<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((outcome) => (outcome.kind === 'done' ? resolve(outcome.value) : reject(outcome.error)));
  });
}
