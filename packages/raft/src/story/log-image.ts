// What a disk holds of a node's log, as a fold over the writes handed out. The same fold, over writes not yet durable,
// is the log that a node works with.

import type { Configuration, Entry, HardState, Index, Persist, SnapshotMeta, Term } from '../core/api.ts';

export interface LogImage {
  readonly hardState: HardState;
  readonly base: SnapshotMeta;
  readonly entries: readonly Entry[];
}

export function emptyImage(configuration: Configuration): LogImage {
  return {
    hardState: { term: 0 as Term, votedFor: undefined, commit: 0 as Index },
    base: { last: { term: 0 as Term, index: 0 as Index }, configuration },
    entries: [],
  };
}

/** The image after one more write. A tail behind a new base stays only where it follows from it (figure 13, step 6). */
export function withWrite(image: LogImage, write: Persist): LogImage {
  let { base, entries } = image;
  if (write.base !== undefined) {
    const { last } = write.base;
    const follows =
      (last.index === base.last.index && last.term === base.last.term) ||
      entries.some((entry) => entry.index === last.index && entry.term === last.term);
    entries = follows ? entries.filter((entry) => entry.index > last.index) : [];
    base = write.base;
  }
  const first = write.entries[0];
  if (first !== undefined) {
    entries = [...entries.filter((entry) => entry.index < first.index), ...write.entries];
  }
  return { hardState: write.hardState ?? image.hardState, base, entries };
}
