// Log and backend with a stopwatch: how long a durable write takes is what an operator looks at first.

import type { Backend } from '@kontiki/kv';
import type { LogStore } from '@kontiki/raft';

type Observe = (seconds: number) => void;

export function timedLog(log: LogStore, synced: Observe): LogStore {
  return {
    recovered: log.recovered,
    append: (write, done) => {
      if (!write.sync) return log.append(write, done);
      const began = performance.now();
      log.append(write, (error) => {
        if (error === undefined) synced((performance.now() - began) / 1000);
        done(error);
      });
    },
    close: (done) => log.close(done),
  };
}

export function timedBackend(backend: Backend, committed: Observe): Backend {
  return {
    view: () => backend.view(),
    commit: (writes, shown, durable) => {
      const began = performance.now();
      backend.commit(writes, shown, (error) => {
        if (error === undefined) committed((performance.now() - began) / 1000);
        durable(error);
      });
    },
    size: () => backend.size(),
    close: (done) => backend.close(done),
  };
}
