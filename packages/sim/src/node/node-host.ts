// Node's event loop as the host of a run.

import type { Host } from '../host.ts';

export const nodeHost: Host = {
  turn: () => new Promise((resolve) => void setImmediate(resolve)),
  onStray: (listener) => {
    process.on('unhandledRejection', listener);
    return () => void process.off('unhandledRejection', listener);
  },
};
