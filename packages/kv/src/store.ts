// The state machine as others see it: operations of the log go in through `apply`, reads are answered from memory and the
// backend, and rows follow to the disk behind. Synchronous throughout; long work comes in steps that the caller schedules.
// Knows nothing of Raft: a position is a number that only grows.

import type {
  EncodedKeyValue,
  Key,
  KvError,
  Operation,
  Position,
  RangeRequest,
  RangeResult,
  Result,
  TxnRequest,
  TxnResult,
} from './api.ts';
import { applyOperation } from './apply.ts';
import type { Backend } from './backend.ts';
import { Contents } from './contents.ts';
import { EventGatherer } from './events.ts';
import { Flusher, type FlushLimits } from './flusher.ts';
import { HashJob } from './hash.ts';
import type { History, HistoryEvents, HistoryListener } from './history.ts';
import { assert } from './invariant.ts';
import type { Loaded } from './load.ts';
import type { StoreState } from './meta.ts';
import { evaluateRange } from './range.ts';
import { Restore } from './restore.ts';
import type { Row } from './row.ts';
import { type KvRules, kvRules } from './rules.ts';
import { Scrub } from './scrub.ts';
import { SnapshotReader } from './snapshot.ts';
import { readTxn } from './txn.ts';

export interface StoreOptions {
  readonly backend: Backend;
  /** Past this, `hasRoom` says no. */
  readonly overlayBytesMax?: number;
  /** A batch is closed at the first entry boundary past either; one flush takes whole batches. */
  readonly batchRowsMax?: number;
  readonly batchBytesMax?: number;
  /** Told whenever more has become durable: the log may be compacted up to there. */
  readonly durable?: (position: Position) => void;
  /** Other decisions than the right ones: for proving that checkers can go red. No server sets them. */
  readonly rules?: KvRules;
}

export interface Entry {
  readonly position: Position;
  readonly operation: Operation;
}

export interface LeaseInfo {
  readonly id: bigint;
  /** As granted, in seconds. */
  readonly ttl: number;
}

const mebibyte = 1024 * 1024;

export class Store implements History {
  readonly #backend: Backend;
  readonly #flusher: Flusher;
  readonly #overlayBytesMax: number;
  readonly #batchRowsMax: number;
  readonly #batchBytesMax: number;
  readonly #tellDurable: (position: Position) => void;
  #contents: Contents;
  #durable: Position;
  #restoring = false;
  #scrub: Scrub | undefined = undefined;
  #listener: HistoryListener | undefined = undefined;
  #gatherer: EventGatherer | undefined = undefined;

  /** Reads everything that the backend holds. Throws `StoreFormatError` when it cannot be read as a store. */
  static open(options: StoreOptions): Store {
    return new Store(options);
  }

  private constructor(options: StoreOptions) {
    this.#backend = options.backend;
    const { rules = kvRules } = options;
    this.#flusher = new Flusher(options.backend, rules);
    this.#overlayBytesMax = options.overlayBytesMax ?? 64 * mebibyte;
    this.#batchRowsMax = options.batchRowsMax ?? 1000;
    this.#batchBytesMax = options.batchBytesMax ?? mebibyte;
    this.#tellDurable = options.durable ?? (() => {});
    this.#contents = Contents.of(this.#backend.view(), rules);
    this.#durable = this.#contents.state.position;
  }

  get revision(): number {
    return this.#contents.revision;
  }

  get compactRevision(): number {
    return this.#contents.compactRevision;
  }

  /** Up to which compaction the space has been given back, in the applied state; durable once flushed. */
  get scrubbedRevision(): number {
    return this.#contents.state.scrubbedRevision;
  }

  /** The last entry applied. */
  get position(): Position {
    return this.#contents.state.position;
  }

  /** The last entry whose effects survive a power failure. */
  get durable(): Position {
    return this.#durable;
  }

  /**
   * Executes entries in the order of their positions and answers one result each. Never waits: ask `hasRoom` before the
   * next batch. Not allowed between `Restore.finish` and its completion.
   */
  apply(entries: readonly Entry[]): readonly Result[] {
    assert(!this.#restoring, 'nothing is applied while a snapshot is installed');
    const listener = this.#listener;
    const compactedBefore = this.compactRevision;
    const gatherer = listener === undefined ? undefined : new EventGatherer((key, at) => this.kvAt(key, at));
    this.#gatherer = gatherer;
    const results = entries.map((entry) => this.#applyOne(entry));
    this.#gatherer = undefined;
    if (this.compactRevision !== compactedBefore) listener?.compacted(this.compactRevision);
    if (gatherer !== undefined && gatherer.revisions.length > 0) listener?.applied(gatherer.revisions);
    return results;
  }

  /** At the latest revision when `request.revision` is 0 or less. */
  range(request: RangeRequest): RangeResult | KvError {
    return evaluateRange(this.#contents, request);
  }

  /** For a transaction that `isReadOnly`; all others go through `apply`. */
  readTxn(request: TxnRequest): TxnResult | KvError {
    return readTxn(this.#contents, request);
  }

  /** In the order of ids. */
  leases(): readonly LeaseInfo[] {
    return this.#contents.leases.list().map(({ id, ttl }) => ({ id, ttl }));
  }

  /** With the attached keys in no particular order. */
  lease(id: bigint): (LeaseInfo & { readonly keys: readonly Key[] }) | undefined {
    const lease = this.#contents.leases.get(id);
    return lease === undefined ? undefined : { id, ttl: lease.ttl, keys: [...lease.keys] };
  }

  /** The names of all small replicated records, in no order that means anything. */
  recordNames(): Iterable<string> {
    return this.#contents.records.keys();
  }

  /** A small replicated record (`setRecord`); undefined when there is none of this name. */
  record(name: string): Uint8Array | undefined {
    return this.#contents.records.get(name);
  }

  listen(listener: HistoryListener | undefined): void {
    this.#listener = listener;
  }

  kvAt(key: Key, revision: number): EncodedKeyValue | undefined {
    return this.#contents.kvAt(key, revision);
  }

  eventsFrom(from: number, limits: { readonly revisions: number; readonly bytes: number }): HistoryEvents {
    const { compactRevision, revision } = this;
    if (from > 0 && from < compactRevision) return { kind: 'compacted', compactRevision };
    const gatherer = new EventGatherer((key, at) => this.kvAt(key, at));
    let bytes = 0;
    let next = revision + 1;
    this.#contents.rows.visit(Math.max(from, compactRevision, 0), (row) => {
      const last = gatherer.revisions[gatherer.revisions.length - 1];
      const full = gatherer.revisions.length >= limits.revisions || bytes >= limits.bytes;
      if (last !== undefined && last.revision !== row.main && full) {
        next = row.main;
        return false;
      }
      gatherer.add(row);
      bytes += row.bytes.length;
      return true;
    });
    return { kind: 'events', revisions: gatherer.revisions, next: Math.max(next, from), bytes };
  }

  /** Whether the next batch may be applied before more has been flushed. */
  hasRoom(): boolean {
    return this.#contents.overlay.bytes < this.#overlayBytesMax;
  }

  /** What is applied and not yet durable, in bytes of memory. */
  get overlayBytes(): number {
    return this.#contents.overlay.bytes;
  }

  /** Whether a flush would have something to do, if only to move the position. */
  get flushable(): boolean {
    return this.#contents.overlay.waiting;
  }

  /**
   * Begins one backend commit of the oldest closed batches: whole ones, within the limits, at least one. False when there is
   * nothing to do, while a commit is under way and while a snapshot is installed. `done` when it is durable; an error ends
   * the store, and so the member.
   */
  flush(limits: FlushLimits, done: (error: Error | undefined) => void): boolean {
    if (this.#restoring) return false;
    const contents = this.#contents;
    const dropped = (durable: Position): void => {
      if (contents !== this.#contents) return;
      this.#durable = durable;
      this.#tellDurable(durable);
    };
    return this.#flusher.flush(contents, limits, dropped, done);
  }

  /**
   * Gives back space of compacted history: looks at keys and drops rows until `budget` of both is spent. `waiting` while a
   * hash is computed or the overlay is full.
   */
  scrub(budget: number): 'done' | 'more' | 'waiting' {
    const contents = this.#contents;
    const { compactRevision, scrubbedRevision } = contents.state;
    if (scrubbedRevision >= compactRevision) return 'done';
    if (contents.pins > 0 || this.#restoring || !this.hasRoom()) return 'waiting';
    this.#scrub ??= new Scrub(contents.index, compactRevision, contents.rules, (name) =>
      contents.overlay.deleteRow(name),
    );
    if (this.#scrub.step(budget)) {
      contents.state = { ...contents.state, scrubbedRevision: this.#scrub.target };
      contents.overlay.touch();
      this.#scrub = undefined;
    }
    this.#closeFullBatch();
    return contents.state.scrubbedRevision >= compactRevision ? 'done' : 'more';
  }

  /** Of all that can be read at `revision`, 0 = now. Equal on all members; close it when it is not run to its end. */
  hashKv(revision: number): HashJob | KvError {
    if (revision > 0 && revision <= this.compactRevision) return { kind: 'error', code: 'compacted' };
    if (revision > this.revision) return { kind: 'error', code: 'futureRevision' };
    return new HashJob(this.#contents, this.#contents.rows.share(), revision === 0 ? this.revision : revision);
  }

  /** The whole store as of now, to be read while later entries are applied. */
  snapshot(): SnapshotReader {
    return new SnapshotReader(this.#contents, this.#contents.rows.share());
  }

  /** Takes a snapshot in; nothing changes before `finish`, and then everything at once. */
  restore(): Restore {
    return new Restore(({ state, loaded, writes }, done) => {
      assert(!this.#restoring, 'one snapshot is installed at a time');
      this.#restoring = true;
      this.#flusher.replace(writes, (error) => {
        if (error === undefined) this.#exchange(state, loaded);
        this.#restoring = false;
        if (error === undefined) this.#listener?.restored();
        done(error);
      });
    });
  }

  /** Bytes on disk, and of those in use, counting what is still on its way there. */
  size(): { readonly bytes: number; readonly bytesInUse: number } {
    const { bytes, bytesInUse } = this.#backend.size();
    const { overlayBytes } = this;
    return { bytes: bytes + overlayBytes, bytesInUse: bytesInUse + overlayBytes };
  }

  /** Lets go of the backend, which stays open; what was not flushed is lost. */
  close(): void {
    this.#contents.rows.close();
  }

  #applyOne({ position, operation }: Entry): Result {
    const contents = this.#contents;
    const before = contents.state.position.index;
    assert(position.index > before, `entry ${position.index} cannot be applied after entry ${before}`);
    const result = applyOperation(contents, operation, this.#add);
    contents.state = { ...contents.state, position };
    contents.overlay.touch();
    this.#closeFullBatch();
    return result;
  }

  readonly #add = (row: Row): void => {
    this.#contents.overlay.add(row);
    this.#gatherer?.add(row);
  };

  #closeFullBatch(): void {
    const { overlay, state } = this.#contents;
    if (overlay.openRows >= this.#batchRowsMax || overlay.openBytes >= this.#batchBytesMax) overlay.close(state);
  }

  #exchange(state: StoreState, loaded: Loaded): void {
    this.#contents.rows.close();
    this.#contents = new Contents(state, loaded, this.#backend.view(), this.#contents.rules);
    this.#scrub = undefined;
    this.#durable = this.#contents.state.position;
    this.#tellDurable(this.#durable);
  }
}
