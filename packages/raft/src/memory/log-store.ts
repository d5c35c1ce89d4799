// A log that lives as long as its `MemoryLogDisk`: the disk outlives the stores opened on it, so a test can restart a node.

import type { Entry, HardState, Index, Persist, SnapshotMeta, Term } from '../core/api.ts';
import type { Done, LogStore, RecoveredLog, Ticker } from '../driver/ports.ts';

const emptyLog: RecoveredLog = {
  hardState: { term: 0 as Term, votedFor: undefined, commit: 0 as Index },
  base: {
    last: { term: 0 as Term, index: 0 as Index },
    configuration: { voters: [], outgoing: [], learners: [], addresses: [] },
  },
  entries: [],
};

/** What the platters hold. Writes without `sync` are lost unless a write with `sync` follows. */
export class MemoryLogDisk {
  #synced: RecoveredLog = emptyLog;
  #buffered: RecoveredLog = emptyLog;
  /** The next writes fail with this error. */
  failure: Error | undefined;
  /** Ticks that a write with `sync` takes; 0 answers in the next turn. */
  syncTicks = 0;

  get content(): RecoveredLog {
    return this.#synced;
  }

  /** Opens the log as a process finds it after a power failure: with what was synced. */
  open(ticker: Ticker): LogStore {
    this.#buffered = this.#synced;
    let isOpen = true;
    return {
      recovered: this.#synced,
      append: (write: Persist, done: Done): void => {
        const answer = (): void => {
          // The process died meanwhile: nobody is there to be answered, and nothing more reaches the disk.
          if (!isOpen) return;
          if (this.failure === undefined) this.#write(write);
          done(this.failure);
        };
        if (this.syncTicks > 0 && write.sync) ticker.after(this.syncTicks, answer);
        else ticker.defer(answer);
      },
      close: (done: Done): void => {
        isOpen = false;
        ticker.defer(() => done(undefined));
      },
    };
  }

  #write(write: Persist): void {
    this.#buffered = after(this.#buffered, write);
    if (write.sync) this.#synced = this.#buffered;
  }
}

function after(log: RecoveredLog, write: Persist): RecoveredLog {
  const hardState: HardState = write.hardState ?? log.hardState;
  const base: SnapshotMeta = write.base ?? log.base;
  const kept = write.base === undefined ? log.entries : entriesAfter(log, write.base);
  const [first] = write.entries;
  const prefix: readonly Entry[] = first === undefined ? kept : kept.filter((entry) => entry.index < first.index);
  const entries = [...prefix, ...write.entries];
  const expected = base.last.index + 1;
  if (entries.some((entry, at) => entry.index !== expected + at)) {
    throw new Error(`a write leaves a gap in the log behind index ${base.last.index}`);
  }
  return { hardState, base, entries };
}

/** §7: a snapshot that ends inside the log keeps the tail, one that contradicts or passes the log replaces it. */
function entriesAfter(log: RecoveredLog, base: SnapshotMeta): readonly Entry[] {
  const { index, term } = base.last;
  const isInLog =
    log.entries.some((entry) => entry.index === index && entry.term === term) ||
    (log.base.last.index === index && log.base.last.term === term);
  return isInLog ? log.entries.filter((entry) => entry.index > index) : [];
}
