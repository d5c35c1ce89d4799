// Frames back into a log: the fold that recovery makes over all whole batches. What contradicts a writer's rules throws
// DecodeError; whether the bytes are whole was settled before.

import type { Entry, HardState, LogId, SnapshotMeta } from '@kontiki/raft';
import { DecodeError } from './errors.ts';
import { type Frame, frameTypes } from './frame.ts';
import { asIndex, asTerm, decodeBase, decodeConfiguration, decodeVote, noBase, noHardState } from './payload.ts';
import type { WalRules } from './rules.ts';

export class Replay {
  readonly #rules: WalRules;
  #base: SnapshotMeta = noBase;
  #hardState: HardState = noHardState;
  #last: LogId;
  /** Contiguous up to `#last`; the first may be behind base + 1 while older segments are gone and no base frame has caught up. */
  #entries: Entry[] = [];
  /** A log's oldest segment restates what it cannot know otherwise; a later one must agree with what was read. */
  #restated: 'nothing' | 'base' | 'all' = 'nothing';

  /** `before` is the last entry before the oldest segment. */
  constructor(before: LogId, rules: WalRules) {
    this.#last = before;
    this.#rules = rules;
  }

  get base(): SnapshotMeta {
    return this.#base;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get last(): LogId {
    return this.#last;
  }

  /** The entries behind the base, or `undefined` when some between base and log are missing. */
  entries(): readonly Entry[] | undefined {
    const first = (this.#entries[0]?.index ?? this.#last.index + 1) - 1;
    if (first > this.#base.last.index) return undefined;
    return this.#entries.slice(this.#base.last.index - first);
  }

  apply(frame: Frame): void {
    const id: LogId = { term: asTerm(frame.term), index: asIndex(frame.index) };
    switch (frame.type) {
      case frameTypes.command:
        // A copy: the segment's bytes shall be free once it is read.
        this.#append({ kind: 'command', ...id, data: frame.payload.slice() });
        break;
      case frameTypes.configuration:
        this.#append({ kind: 'configuration', ...id, configuration: decodeConfiguration(frame.payload) });
        break;
      case frameTypes.noop:
        if (frame.payload.length > 0) throw new DecodeError('a no-op with a payload');
        this.#append({ kind: 'noop', ...id });
        break;
      case frameTypes.hardState:
        this.#setHardState({ term: id.term, votedFor: decodeVote(frame.payload), commit: id.index });
        break;
      case frameTypes.base:
        this.#setBase(id, frame.payload);
        break;
      case frameTypes.mark:
        this.#mark(id);
        break;
      default:
        throw new DecodeError(`a record of unknown type ${frame.type}`);
    }
  }

  #append(entry: Entry): void {
    if (entry.index > this.#last.index + 1) {
      throw new DecodeError(`entry ${entry.index} after entry ${this.#last.index}: a gap`);
    }
    if (entry.index <= this.#base.last.index) {
      throw new DecodeError(`entry ${entry.index} at or before the base ${this.#base.last.index}`);
    }
    const first = this.#entries[0]?.index ?? this.#last.index + 1;
    const place = Math.max(0, entry.index - first);
    if (this.#rules.overwriteCuts()) this.#entries.length = place;
    this.#entries[place] = entry;
    const { term, index } = this.#entries.at(-1) ?? entry;
    this.#last = { term, index };
  }

  #setHardState(hardState: HardState): void {
    if (hardState.term < this.#hardState.term) {
      throw new DecodeError(`term ${hardState.term} after term ${this.#hardState.term}`);
    }
    this.#hardState = hardState;
    if (this.#restated === 'base') this.#restated = 'all';
  }

  #setBase(last: LogId, payload: Uint8Array): void {
    const { manner, configuration } = decodeBase(payload);
    const base: SnapshotMeta = { last, configuration };
    if (this.#restated === 'nothing') {
      if (manner !== 'restated') throw new DecodeError('a log that does not begin with a restated base');
      if (last.index > this.#last.index) {
        throw new DecodeError(`base ${last.index} of a log that ends at ${this.#last.index}`);
      }
      this.#base = base;
      this.#restated = 'base';
      return;
    }
    if (last.index < this.#base.last.index) {
      throw new DecodeError(`base ${last.index} after base ${this.#base.last.index}`);
    }
    if (manner === 'restated') {
      if (last.index !== this.#base.last.index || last.term !== this.#base.last.term) {
        throw new DecodeError(`base ${last.index} restated where the base is ${this.#base.last.index}`);
      }
      return;
    }
    if (manner === 'replaced') {
      this.#entries = [];
      this.#last = last;
    } else if (last.index > this.#last.index) {
      throw new DecodeError(`base ${last.index} keeps a tail of a log that ends at ${this.#last.index}`);
    } else {
      const first = this.#entries[0]?.index ?? this.#last.index + 1;
      if (last.index >= first) this.#entries = this.#entries.slice(last.index - first + 1);
    }
    this.#base = base;
  }

  #mark(last: LogId): void {
    if (this.#restated !== 'all') throw new DecodeError('a first batch without base and hard state');
    if (last.index !== this.#last.index || last.term !== this.#last.term) {
      throw new DecodeError(`a mark at ${last.index} of a log that ends at ${this.#last.index}`);
    }
    if (this.#hardState.commit > this.#last.index) {
      throw new DecodeError(`commit ${this.#hardState.commit} beyond the last entry ${this.#last.index}`);
    }
  }
}
