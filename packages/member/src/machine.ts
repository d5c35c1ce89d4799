// The key-value store as the driver's state machine: committed envelopes become operations, in order, and nothing here
// looks at local size or local time, so that all members do the same (docs/architecture.md, "Two loops").

import type { Entry, Result, Store } from '@kontiki/kv';
import type {
  CommittedCommand,
  Completion,
  Done,
  DurableStateMachine,
  Index,
  LogId,
  SnapshotMeta,
  SnapshotSource,
  Term,
  Ticker,
} from '@kontiki/raft';
import { decodeEnvelope, type Envelope } from './envelope.ts';
import { operationOf } from './requests.ts';

/** What was just applied, for whoever waits for it and for the leader's lease clock. */
export interface AppliedCommand {
  readonly at: LogId;
  readonly envelope: Envelope;
  readonly result: Result;
}

export interface KvMachineListener {
  /** After the store has the whole batch, before the driver goes on. */
  applied(commands: readonly AppliedCommand[], last: LogId): void;
  /** Another state was installed, which ends at `last`. */
  restored(last: LogId): void;
}

const snapshotChunkBytes = 64 * 1024;

export class KvMachine implements DurableStateMachine<Result, never, never> {
  readonly kind = 'durable';
  readonly recovered: LogId;
  readonly #store: Store;
  readonly #ticker: Ticker;
  readonly #listener: KvMachineListener;
  #durable: (index: Index) => void = () => {};
  #room: () => void = () => {};

  constructor(store: Store, ticker: Ticker, listener: KvMachineListener) {
    this.#store = store;
    this.#ticker = ticker;
    this.#listener = listener;
    const { index, term } = store.position;
    this.recovered = { index: index as Index, term: term as Term };
  }

  apply(batch: readonly CommittedCommand[], last: LogId): readonly Result[] {
    const envelopes = batch.map(({ command }) => decodeEnvelope(command));
    const entries: Entry[] = envelopes.map((envelope, i) => entryOf(envelope, batch[i] ?? last));
    // No-ops and configurations only move the position.
    const moved = entries.at(-1)?.position.index !== last.index;
    if (moved) entries.push({ position: last, operation: { kind: 'none' } });
    const results = this.#store.apply(entries);
    const commands = envelopes.map((envelope, i): AppliedCommand => {
      const { term, index } = batch[i] ?? last;
      return { at: { term, index }, envelope, result: results[i] ?? { kind: 'none', revision: this.#store.revision } };
    });
    this.#listener.applied(commands, last);
    return moved ? results.slice(0, -1) : results;
  }

  /** Reads go to the store itself. */
  query(): never {
    throw new TypeError('the store is read directly, not by queries through the driver');
  }

  onDurable(listener: (index: Index) => void): void {
    this.#durable = listener;
  }

  /** The flush loop has made everything up to `index` durable. */
  becameDurable(index: number): void {
    this.#durable(index as Index);
    if (this.#store.hasRoom()) this.#room();
  }

  hasRoom(): boolean {
    return this.#store.hasRoom();
  }

  onRoom(listener: () => void): void {
    this.#room = listener;
  }

  snapshot(meta: SnapshotMeta, completion: Completion<SnapshotSource>): void {
    const reader = this.#store.snapshot();
    if (reader.position.index !== meta.last.index) {
      reader.close();
      const error = new Error(`a snapshot at ${meta.last.index} was asked of a store at ${reader.position.index}`);
      this.#ticker.defer(() => completion({ kind: 'failed', error }));
      return;
    }
    const source: SnapshotSource = {
      meta,
      next: (taken) => this.#ticker.defer(() => taken({ kind: 'done', value: reader.next(snapshotChunkBytes) })),
      close: () => reader.close(),
    };
    this.#ticker.defer(() => completion({ kind: 'done', value: source }));
  }

  restore(source: SnapshotSource, done: Done): void {
    const restore = this.#store.restore();
    const { term, index } = source.meta.last;
    const feed = (): void => {
      source.next((outcome) => {
        if (outcome.kind === 'failed') finish(outcome.error);
        else if (outcome.value !== undefined && restore.feed(outcome.value)) feed();
        else restore.finish({ term, index }, finish);
      });
    };
    const finish = (error: Error | undefined): void => {
      source.close();
      if (error === undefined) this.#listener.restored({ term, index });
      done(error);
    };
    feed();
  }
}

function entryOf(envelope: Envelope, at: LogId): Entry {
  const position = { index: at.index, term: at.term };
  switch (envelope.kind) {
    case 'leaseGrant':
      return { position, operation: { kind: 'leaseGrant', id: envelope.id, ttl: envelope.ttl } };
    case 'leaseExpire':
      // The fence: whoever decided this must still have led when it was appended.
      if (envelope.term !== at.term) return { position, operation: { kind: 'none' } };
      return { position, operation: { kind: 'leaseRevoke', id: envelope.id } };
    case 'setRecord':
      return { position, operation: { kind: 'setRecord', name: envelope.name, value: envelope.value } };
    default:
      return { position, operation: operationOf(envelope.kind, envelope.request) };
  }
}
