// Time as Node has it.

import type { Clock } from './calls/server-call.ts';

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
  // After everything that this turn of the event loop has read, and what that led to.
  soon: (call) => {
    setImmediate(call);
  },
};
