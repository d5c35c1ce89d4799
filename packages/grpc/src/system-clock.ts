// Time as Node has it.

import type { Clock } from './calls/server-call.ts';

/** The longest time that a timer of Node waits; it takes a longer one for a millisecond. */
const timerMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after: (milliseconds, call) => {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      if (left <= timerMsMax) timer = setTimeout(call, left);
      else timer = setTimeout(() => wait(left - timerMsMax), timerMsMax);
    };
    wait(milliseconds);
    return () => clearTimeout(timer);
  },
  // After everything that this turn of the event loop has read, and what that led to.
  soon: (call) => {
    if (due.length === 0) setImmediate(callAll);
    due.push(call);
  },
};

/** One immediate a turn, for whoever asked: what Node does before and after each is worth a good part of a call. */
let due: (() => void)[] = [];

function callAll(): void {
  const calls = due;
  due = [];
  let called = 0;
  try {
    for (const call of calls) {
      called += 1;
      call();
    }
  } finally {
    // What one of them throws is the process's business; if that lives on, the others do not wait in vain.
    for (const call of calls.slice(called)) systemClock.soon(call);
  }
}
