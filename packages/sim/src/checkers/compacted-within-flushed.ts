// The log gives up only what is safe elsewhere on the same machine: what the state machine has made durable in itself, or
// what a whole snapshot holds (§7).

import type { Checker, Watched } from './checker.ts';

export function compactedWithinFlushed({ report }: Watched): Checker {
  return {
    handedToLog: ({ id, flushed, snapshot }, { base }) => {
      const index = base?.last.index ?? 0;
      if (index <= Math.max(flushed, snapshot)) return;
      const safe = `its state is durable up to ${flushed}, its snapshot up to ${snapshot}`;
      report('LogNotCompactedPastFlushed', `${id} gives up its log up to ${index}, ${safe}`);
    },
  };
}
