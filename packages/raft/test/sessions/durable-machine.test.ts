// A state machine on disk keeps the table itself, in the same write as its own state: then neither a command nor the memory
// of it can be there alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asIndex,
  asTerm,
  type CommittedCommand,
  type Completion,
  type DurableStateMachine,
  type Index,
  type LogId,
  type SnapshotMeta,
  type SnapshotSource,
  type Ticker,
} from '@kontiki/raft';
import { stateMachineSuite } from '@kontiki/raft/contracts';
import { sourceOf, VirtualTime } from '@kontiki/raft/memory';
import { defaultSessionLimits, encodeCommand, type SessionResult, SessionTable } from '@kontiki/raft/sessions';
import { add, decodeSum, encodeSum } from '@kontiki/raft/testing';
import { readWhole } from '../../src/driver/whole-snapshot.ts';

interface Disk {
  at: LogId;
  sum: number;
  table: Uint8Array;
}

function emptyDisk(): Disk {
  return { at: { term: asTerm(0), index: asIndex(0) }, sum: 0, table: new SessionTable().encode() };
}

class DurableTally implements DurableStateMachine<SessionResult, 'sum', number> {
  readonly kind = 'durable';
  readonly recovered: LogId;
  readonly table = new SessionTable();
  readonly #disk: Disk;
  readonly #ticker: Ticker;
  #at: LogId;
  #sum: number;
  #onDurable: (index: Index) => void = () => {};

  constructor(disk: Disk, ticker: Ticker) {
    this.#disk = disk;
    this.#ticker = ticker;
    this.recovered = disk.at;
    this.#at = disk.at;
    this.#sum = disk.sum;
    this.table.load(disk.table);
  }

  apply(batch: readonly CommittedCommand[], last: LogId): readonly SessionResult[] {
    this.#at = last;
    const results = batch.map((entry) =>
      this.table.apply(entry, ([amount = 0]) => {
        this.#sum += amount;
        return encodeSum(this.#sum);
      }),
    );
    return results;
  }

  query(): number {
    return this.#sum;
  }

  flush(): void {
    Object.assign(this.#disk, { at: this.#at, sum: this.#sum, table: this.table.encode() });
    const { index } = this.#at;
    this.#ticker.defer(() => this.#onDurable(index));
  }

  onDurable(listener: (index: Index) => void): void {
    this.#onDurable = listener;
  }

  hasRoom(): boolean {
    return true;
  }

  onRoom(): void {}

  snapshot(meta: SnapshotMeta, completion: Completion<SnapshotSource>): void {
    const source = sourceOf(meta, [encodeSum(this.#sum), this.table.encode()], this.#ticker);
    this.#ticker.defer(() => completion({ kind: 'done', value: source }));
  }

  restore(source: SnapshotSource, done: (error: Error | undefined) => void): void {
    readWhole(source, (outcome) => {
      if (outcome.kind === 'failed') {
        done(outcome.error);
        return;
      }
      const bytes = outcome.value.flatMap((chunk) => [...chunk]);
      this.#sum = decodeSum(Uint8Array.from(bytes.slice(0, 4)));
      this.table.load(Uint8Array.from(bytes.slice(4)));
      this.#at = source.meta.last;
      this.flush();
      done(undefined);
    });
  }
}

const register = encodeCommand({ kind: 'register', stamp: 0, limits: defaultSessionLimits });

function increment(sequence: number): Uint8Array {
  return encodeCommand({ kind: 'command', stamp: 0, client: asIndex(1), sequence, firstOpen: 1, body: add(1) });
}

stateMachineSuite({
  test,
  create: () => {
    const time = new VirtualTime();
    const machines: DurableTally[] = [];
    return {
      fresh: () => {
        const machine = new DurableTally(emptyDisk(), time.ticker());
        machines.push(machine);
        return machine;
      },
      drive: () => {
        for (const machine of machines) machine.flush();
        time.settle();
      },
      dispose: () => {},
    };
  },
  commands: [register, increment(1), increment(2), increment(3)],
  whole: 'sum',
});

test('whatever of the log is applied again after a crash, each command counts once', () => {
  const log = [register, increment(1), increment(2), increment(1), increment(3), increment(3)];
  const entries = log.map((command, at) => ({ term: asTerm(1), index: asIndex(at + 1), command }));
  for (let flushedAt = 0; flushedAt <= log.length; flushedAt++) {
    const disk = emptyDisk();
    const before = new DurableTally(disk, new VirtualTime().ticker());
    for (const entry of entries) {
      before.apply([entry], entry);
      if (entry.index === flushedAt) before.flush();
    }
    const after = new DurableTally(disk, new VirtualTime().ticker());
    assert.equal(after.recovered.index, flushedAt);
    for (const entry of entries.slice(flushedAt)) after.apply([entry], entry);

    assert.equal(after.query(), 3, `flushed at ${flushedAt}`);
    assert.deepEqual(after.table.encode(), before.table.encode());
  }
});
