// The log of one node as its writes have made it: which term stands where, and which configurations are in it. Entries
// themselves are not kept.

import type { Configuration, Entry, Index, LogId, Persist, RecoveredLog, SnapshotMeta, Term } from '@kontiki/raft';

export interface ConfigurationAt {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
}

export class NodeLog {
  #base: LogId = { term: 0 as Term, index: 0 as Index };
  /** Of the entries after the base. */
  #terms: Term[] = [];
  /** That of the base, and those of entries after it, oldest first. */
  #configurations: ConfigurationAt[] = [];

  get base(): LogId {
    return this.#base;
  }

  get lastIndex(): number {
    return this.#base.index + this.#terms.length;
  }

  /** `undefined` before the base, and past the end. */
  termAt(index: number): Term | undefined {
    return index === this.#base.index ? this.#base.term : this.#terms[index - this.#base.index - 1];
  }

  /** What is at or below the base counts as being there. */
  has(index: number, term: number): boolean {
    return index <= this.#base.index || this.termAt(index) === term;
  }

  /** Newest first. */
  get configurations(): readonly ConfigurationAt[] {
    return this.#configurations.toReversed();
  }

  get configuration(): ConfigurationAt | undefined {
    return this.#configurations.at(-1);
  }

  /** The term before the first entry of a write, once its base is taken; `undefined` where the write would leave a gap. */
  previousOf({ base, entries }: Pick<Persist, 'base' | 'entries'>): Term | undefined {
    const index = (entries[0]?.index ?? 0) - 1;
    if (base !== undefined && base.last.index === index) return base.last.term;
    if (base !== undefined && base.last.index > index) return undefined;
    return this.termAt(index);
  }

  replaceBy({ base, entries }: Pick<RecoveredLog, 'base' | 'entries'>): void {
    this.#base = base.last;
    this.#configurations = [configurationOf(base)];
    this.#terms = [];
    this.#append(entries);
  }

  take({ base, entries }: Pick<Persist, 'base' | 'entries'>): void {
    if (base !== undefined) this.#rebase(base);
    const [first] = entries;
    if (first === undefined) return;
    this.#truncate(first.index);
    this.#append(entries);
  }

  clear(): void {
    this.#base = { term: 0 as Term, index: 0 as Index };
    this.#terms = [];
    this.#configurations = [];
  }

  #rebase(base: SnapshotMeta): void {
    const { index, term } = base.last;
    if (index < this.#base.index) return;
    // Figure 13: what follows the same entry stays.
    this.#terms = this.termAt(index) === term ? this.#terms.slice(index - this.#base.index) : [];
    this.#base = base.last;
    const last = this.lastIndex;
    const kept = this.#configurations.filter((one) => one.index > index && one.index <= last);
    this.#configurations = [configurationOf(base), ...kept];
  }

  /** Drops `index` and everything after it. */
  #truncate(index: number): void {
    this.#terms.length = Math.min(this.#terms.length, Math.max(0, index - this.#base.index - 1));
    while ((this.#configurations.at(-1)?.index ?? 0) >= index && this.#configurations.length > 1) {
      this.#configurations.pop();
    }
  }

  #append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { index, term } = entry;
      if (index <= this.#base.index) continue;
      this.#terms.push(term);
      if (entry.kind === 'configuration') {
        this.#configurations.push({ index, term, configuration: entry.configuration });
      }
    }
  }
}

function configurationOf({ last, configuration }: SnapshotMeta): ConfigurationAt {
  return { index: last.index, term: last.term, configuration };
}
