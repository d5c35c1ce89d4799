// The durable log while it runs: one batch, one write, one sync. Opening and recovery are in `opening.ts`; the bytes are
// described in docs/wal-format.md.

import type {
  Cancel,
  Done,
  Entry,
  HardState,
  LogId,
  LogStore,
  Persist,
  RecoveredLog,
  SnapshotMeta,
} from '@kontiki/raft';
import type { Claim, DurableIndex } from './durable-index.ts';
import { assert, WalClosedError } from './errors.ts';
import { batchBytes, type Cursor, type Draft, encodeBatch, frameTypes, mark, noPayload } from './frame.ts';
import { LogOutline } from './log-outline.ts';
import type { WalOptions } from './options.ts';
import { encodeBase, encodeConfiguration, encodeVote, type Manner } from './payload.ts';
import { type WalRules, walRules } from './rules.ts';
import { putSegmentHeader, type SegmentHeader, segmentHeaderBytes, segmentName, startOf } from './segment.ts';
import { publishSegment, SegmentReserve } from './segment-file.ts';
import { call, completing, run, type Sequence } from './sequence.ts';
import type { VfsFile, VfsLock } from './vfs.ts';

/** A buffer larger than this is given back after its batch. */
const scratchBytesMax: number = 4 * 2 ** 20;

/** The segment that batches are written to. */
export interface ActiveSegment {
  readonly file: VfsFile;
  readonly sequence: number;
  readonly size: number;
  readonly seed: number;
  cursor: Cursor;
  /** The highest index of an entry in it; 0 without any. */
  indexMax: number;
}

export interface OlderSegment {
  readonly sequence: number;
  indexMax: number;
}

/** What opening hands over. */
export interface WalParts {
  readonly options: WalOptions;
  readonly segmentBytes: number;
  readonly lock: VfsLock;
  readonly slots: DurableIndex;
  readonly active: ActiveSegment;
  readonly older: readonly OlderSegment[];
  readonly recovered: RecoveredLog;
}

/** The log as it was before a batch, which a new segment restates. */
interface Standing {
  readonly base: SnapshotMeta;
  readonly hardState: HardState;
  readonly last: LogId;
}

interface Drafted {
  readonly drafts: readonly Draft[];
  /** What its base, if it has one, leaves of the log. */
  readonly manner: Manner | undefined;
}

/**
 * The log on a `Vfs`. The first error of the disk ends it: that error answers every later call, and nothing is tried again.
 */
export class Wal implements LogStore {
  readonly recovered: RecoveredLog;
  readonly #options: WalOptions;
  readonly #rules: WalRules;
  readonly #segmentBytes: number;
  readonly #lock: VfsLock;
  readonly #slots: DurableIndex;
  readonly #reserve: SegmentReserve;
  /** With the batch in flight. */
  readonly #outline: LogOutline;
  #durableBase: SnapshotMeta;
  #active: ActiveSegment;
  #older: OlderSegment[];
  #hardState: HardState;
  /** Answered but not written: the lazy commit index, which travels with the next batch. */
  #pending: HardState | undefined;
  #scratch: Uint8Array = new Uint8Array(64 * 1024);
  #writing = false;
  #dropping = false;
  #quiet: (() => void) | undefined;
  #claimTimer: Cancel | undefined;
  #ended: Error | undefined;
  #closing = false;

  /** For `openWal` only. */
  constructor(parts: WalParts) {
    const { vfs, directory } = parts.options;
    this.recovered = parts.recovered;
    this.#options = parts.options;
    this.#rules = parts.options.rules ?? walRules;
    this.#segmentBytes = parts.segmentBytes;
    this.#lock = parts.lock;
    this.#slots = parts.slots;
    this.#active = parts.active;
    this.#older = [...parts.older];
    this.#hardState = parts.recovered.hardState;
    this.#reserve = new SegmentReserve(vfs, directory, parts.segmentBytes);
    this.#outline = new LogOutline(parts.recovered.base);
    this.#durableBase = parts.recovered.base;
    for (const entry of parts.recovered.entries) this.#outline.append(entry);
    // A crash may have come between a base and the end of what it covers.
    this.#dropCovered();
  }

  append(write: Persist, done: Done): void {
    const { vfs } = this.#options;
    assert(!this.#writing, 'the next write comes after the last one was answered');
    const ended = this.#ended ?? (this.#closing ? new WalClosedError() : undefined);
    if (ended !== undefined) {
      vfs.defer(() => done(ended));
      return;
    }
    const hardState = write.hardState ?? this.#pending;
    const empty = write.base === undefined && write.entries.length === 0;
    if (empty && (hardState === undefined || this.#rules.mayWait(write.sync))) {
      this.#pending = hardState;
      vfs.defer(() => done(undefined));
      return;
    }
    this.#write(hardState, write.base, write.entries, done);
  }

  close(done: Done): void {
    if (this.#closing) {
      this.#options.vfs.defer(() => done(this.#ended));
      return;
    }
    this.#closing = true;
    this.#claimTimer?.();
    run(this.#close(), completing(done));
  }

  #write(
    hardState: HardState | undefined,
    base: SnapshotMeta | undefined,
    entries: readonly Entry[],
    done: Done,
  ): void {
    const before: Standing = { base: this.#outline.base, hardState: this.#hardState, last: this.#outline.last };
    const { drafts, manner } = this.#drafts(hardState, base, entries);
    this.#writing = true;
    run(this.#batch(drafts, before), (outcome) => {
      this.#writing = false;
      if (outcome.kind === 'failed') this.#end(outcome.error);
      else this.#written(hardState, manner, entries);
      done(this.#ended);
      this.#rest();
    });
  }

  /** The batch as records, and the outline after it. If the write fails, the outline is of no more use. */
  #drafts(hardState: HardState | undefined, base: SnapshotMeta | undefined, entries: readonly Entry[]): Drafted {
    const drafts: Draft[] = [];
    let manner: Manner | undefined;
    if (hardState !== undefined) drafts.push(hardStateDraft(hardState));
    if (base !== undefined) {
      const { index, term } = base.last;
      manner = this.#outline.rebase(base);
      drafts.push({ type: frameTypes.base, index, term, payload: encodeBase(manner, base.configuration) });
    }
    for (const entry of entries) {
      this.#outline.append(entry);
      drafts.push(entryDraft(entry));
    }
    const { last } = this.#outline;
    const { commit, term } = hardState ?? this.#hardState;
    assert(commit <= last.index, `commit ${commit} is within the log that ends at ${last.index}`);
    assert(term >= this.#hardState.term, `term ${term} is not before term ${this.#hardState.term}`);
    drafts.push(mark(last));
    return { drafts, manner };
  }

  *#batch(drafts: readonly Draft[], before: Standing): Sequence<void> {
    const { checksum } = this.#options;
    const { file, cursor, size, seed } = this.#active;
    const length = batchBytes(drafts);
    if (cursor.offset + length > size) return yield* this.#cut(drafts, before);
    const bytes = this.#room(length);
    const end = encodeBatch(drafts, bytes, 0, cursor, { checksum, seed });
    yield* this.#put(file, cursor.offset, bytes);
    this.#active.cursor = end;
  }

  /** Begins the next segment with this batch. */
  *#cut(batch: readonly Draft[], before: Standing): Sequence<void> {
    const { vfs, directory, checksum, onEvent } = this.#options;
    const full = this.#active;
    const sequence = full.sequence + 1;
    const { index, term } = before.base.last;
    const drafts: readonly Draft[] = [
      { type: frameTypes.base, index, term, payload: encodeBase('restated', before.base.configuration) },
      hardStateDraft(before.hardState),
      ...batch,
    ];
    const length = segmentHeaderBytes + batchBytes(drafts);
    const { file, size } = yield* this.#reserve.take(sequence, Math.max(this.#segmentBytes, length));
    const { batch: lastBatch, chain } = full.cursor;
    const header: SegmentHeader = { sequence, size, firstBatch: lastBatch + 1, before: before.last, chain };
    const bytes = this.#room(length);
    const seed = putSegmentHeader(bytes, header, checksum);
    const cursor = encodeBatch(drafts, bytes, segmentHeaderBytes, startOf(header), { checksum, seed });
    yield* this.#put(file, 0, bytes);
    yield* publishSegment(vfs, directory, sequence, this.#rules);
    this.#active = { file, sequence, size, seed, cursor, indexMax: 0 };
    this.#older.push(full);
    // A segment that vanishes later is missed: the durable index names it before its first batch is answered.
    yield* call((done) => this.#slots.write(this.#claim(), done));
    yield* call((done) => full.file.close(done));
    onEvent?.({
      kind: 'segmentBegun',
      file: `${directory}/${segmentName(sequence)}`,
      firstIndex: before.last.index + 1,
    });
  }

  /** Everything of a batch goes this way: on the disk when it is through. */
  *#put(file: VfsFile, offset: number, bytes: Uint8Array): Sequence<void> {
    if (!this.#rules.syncsBatch()) return yield* call((done) => file.write(offset, bytes, done));
    yield* call((done) =>
      file.writeThrough(offset, bytes, (error) => {
        if (error !== undefined && this.#rules.syncsAgain()) file.fdatasync(done);
        else done(error);
      }),
    );
  }

  #written(hardState: HardState | undefined, manner: Manner | undefined, entries: readonly Entry[]): void {
    if (hardState !== undefined) this.#hardState = hardState;
    this.#pending = undefined;
    this.#durableBase = this.#outline.base;
    if (manner === 'replaced') this.#nothingLeft();
    this.#active.indexMax = Math.max(this.#active.indexMax, entries.at(-1)?.index ?? 0);
    if (this.#scratch.length > scratchBytesMax) this.#scratch = new Uint8Array(64 * 1024);
    if (manner !== undefined) this.#dropCovered();
    this.#claimLater();
    if (this.#active.cursor.offset * 2 > this.#active.size) this.#reserve.prepare(this.#active.sequence + 1);
  }

  #claim(): Claim {
    const { sequence, cursor } = this.#active;
    return { batch: cursor.batch, sequence, offset: cursor.offset, index: this.#outline.last.index };
  }

  #claimLater(): void {
    if (this.#claimTimer !== undefined || this.#closing) return;
    this.#claimTimer = this.#options.later?.(() => {
      this.#claimTimer = undefined;
      // With a batch in flight the outline is ahead of the disk; its answer comes back here.
      if (this.#ended !== undefined || this.#closing || this.#writing) return;
      this.#slots.write(this.#claim(), (error) => error !== undefined && this.#end(error));
    });
  }

  /** The log before a base was replaced as a whole: no segment holds an entry that counts. */
  #nothingLeft(): void {
    for (const segment of this.#older) segment.indexMax = 0;
    this.#active.indexMax = 0;
  }

  /** Drops the oldest segments whose entries the base covers, which is durable by now, behind the running log. */
  #dropCovered(): void {
    if (this.#dropping) return;
    this.#dropping = true;
    const wal = this;
    const { vfs, directory, onEvent } = this.#options;
    const covered = (): OlderSegment | undefined => {
      const [oldest] = wal.#older;
      return oldest !== undefined && oldest.indexMax <= wal.#durableBase.last.index ? oldest : undefined;
    };
    run(
      (function* (): Sequence<void> {
        for (let oldest = covered(); oldest !== undefined && wal.#ended === undefined; oldest = covered()) {
          const path = `${directory}/${segmentName(oldest.sequence)}`;
          wal.#older.shift();
          yield* call((done) => vfs.unlink(path, done));
          // Each one alone: two unsynced unlinks could survive in the other order, and that is a hole.
          if (wal.#rules.syncsDirectory('segmentDropped')) yield* call((done) => vfs.syncDirectory(directory, done));
          onEvent?.({ kind: 'segmentDropped', file: path });
        }
      })(),
      (outcome) => {
        this.#dropping = false;
        if (outcome.kind === 'failed') this.#end(outcome.error);
        this.#rest();
      },
    );
  }

  *#close(): Sequence<void> {
    if (this.#writing || this.#dropping) {
      yield (resume) => {
        this.#quiet = resume;
      };
    }
    try {
      if (this.#ended === undefined) yield* this.#settle();
    } finally {
      yield* call((done) => this.#active.file.close(done));
      yield* call((done) => this.#slots.close(done));
      yield* call((done) => this.#lock.release(done));
    }
  }

  /** What a log that is closed in peace still writes: the lazy hard state, and how far it was durable. */
  *#settle(): Sequence<void> {
    const before: Standing = { base: this.#outline.base, hardState: this.#hardState, last: this.#outline.last };
    if (this.#pending !== undefined) yield* this.#batch(this.#drafts(this.#pending, undefined, []).drafts, before);
    yield* call((done) => this.#slots.write(this.#claim(), done));
    yield* this.#reserve.discard(this.#active.sequence);
  }

  /** Lets a waiting close go on. */
  #rest(): void {
    if (this.#writing || this.#dropping) return;
    const quiet = this.#quiet;
    this.#quiet = undefined;
    quiet?.();
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#claimTimer?.();
  }

  #room(length: number): Uint8Array {
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(Math.max(length, 2 * this.#scratch.length));
    return this.#scratch.subarray(0, length);
  }
}

function hardStateDraft(hardState: HardState): Draft {
  return { type: frameTypes.hardState, index: hardState.commit, term: hardState.term, payload: encodeVote(hardState) };
}

function entryDraft(entry: Entry): Draft {
  const { index, term } = entry;
  switch (entry.kind) {
    case 'command':
      return { type: frameTypes.command, index, term, payload: entry.data };
    case 'configuration':
      return { type: frameTypes.configuration, index, term, payload: encodeConfiguration(entry.configuration) };
    case 'noop':
      return { type: frameTypes.noop, index, term, payload: noPayload };
  }
}
