// What a log should hold after some writes, said without files: the twin that recovery is compared with.

import type { Entry, HardState, Persist, RecoveredLog, SnapshotMeta } from '@kontiki/raft';
import { hardState, index, term } from './rig.ts';

export class NaiveLog {
  #hardState: HardState = hardState(0, 0);
  #base: SnapshotMeta = {
    last: { index: index(0), term: term(0) },
    configuration: { voters: [], outgoing: [], learners: [], addresses: [] },
  };
  #entries: readonly Entry[] = [];

  apply(write: Persist): this {
    if (write.hardState !== undefined) this.#hardState = write.hardState;
    if (write.base !== undefined) this.#rebase(write.base);
    for (const entry of write.entries) {
      this.#entries = [...this.#entries.filter((other) => other.index < entry.index), entry];
    }
    return this;
  }

  state(): RecoveredLog {
    return { hardState: this.#hardState, base: this.#base, entries: this.#entries };
  }

  #rebase(base: SnapshotMeta): void {
    const same = [this.#base.last, ...this.#entries].some(
      (id) => id.index === base.last.index && id.term === base.last.term,
    );
    this.#entries = same ? this.#entries.filter((entry) => entry.index > base.last.index) : [];
    this.#base = base;
  }
}

/** The states after 0, 1, 2, … of the writes. */
export function statesAfter(writes: readonly Persist[]): readonly RecoveredLog[] {
  const log = new NaiveLog();
  return [log.state(), ...writes.map((write) => log.apply(write).state())];
}
