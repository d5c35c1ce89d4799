// Whatever a member holds in memory for others has a stated limit, and stays within it.

import type { Checker, Watched } from './checker.ts';
import type { Held } from './observer.ts';

const what: Readonly<Record<keyof Held, string>> = {
  logBytes: 'bytes of log',
  logEntries: 'entries of log',
  overlayBytes: 'bytes not flushed yet',
  commandsWaiting: 'commands that wait',
  readsWaiting: 'reads that wait',
  messagesQueued: 'messages to be sent',
};

/** Without a limit, a thing is not judged. */
export function boundedMemory({ report }: Watched, limits: Held): Checker {
  const names = Object.keys(what).filter((name): name is keyof Held => Object.hasOwn(what, name));
  return {
    held: ({ id }, held) => {
      for (const name of names) {
        const found = held[name] ?? 0;
        const most = limits[name] ?? Number.POSITIVE_INFINITY;
        if (found > most) report('BoundedMemory', `${id} holds ${found} ${what[name]}, ${most} are allowed`);
      }
    },
  };
}
