// The smallest state machines that show everything: a list of bytes, and their sum. One in memory, one on a disk.

import type {
  CommittedCommand,
  Completion,
  DurableStateMachine,
  Index,
  LogId,
  MemoryStateMachine,
  SnapshotMeta,
  SnapshotSource,
  Ticker,
} from '@kontiki/raft';
import { sourceOf } from '@kontiki/raft/memory';
import { readWhole } from '../../src/driver/whole-snapshot.ts';

export type Register = (MemoryStateMachine<number, 'sum', number> | DurableStateMachine<number, 'sum', number>) & {
  readonly values: readonly number[];
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Commands and snapshots are numbers of one or two bytes, high byte first. */
export function bytesOf(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function numberOf(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

function numbersOf(bytes: readonly number[]): readonly number[] {
  return bytes.flatMap((byte, at) => (at % 2 === 0 ? [numberOf(Uint8Array.of(byte, bytes[at + 1] ?? 0))] : []));
}

/** The sum after each command is its result. */
function applyTo(values: readonly number[], batch: readonly CommittedCommand[]): readonly (readonly number[])[] {
  const states: (readonly number[])[] = [];
  let state = values;
  for (const { command } of batch) {
    state = [...state, numberOf(command)];
    states.push(state);
  }
  return states;
}

export class MemoryRegister implements MemoryStateMachine<number, 'sum', number> {
  readonly kind = 'memory';
  values: readonly number[] = [];

  apply(batch: readonly CommittedCommand[]): readonly number[] {
    const states = applyTo(this.values, batch);
    this.values = states.at(-1) ?? this.values;
    return states.map(sum);
  }

  query(): number {
    return sum(this.values);
  }

  snapshot(): Iterable<Uint8Array> {
    // Taken here: the body of a generator would run only when the first chunk is asked for.
    return chunksOf(this.values);
  }

  restore(chunks: readonly Uint8Array[]): void {
    this.values = numbersOf(chunks.flatMap((chunk) => [...chunk]));
  }
}

function* chunksOf(values: readonly number[]): Generator<Uint8Array> {
  for (let at = 0; at < values.length; at += 4)
    yield Uint8Array.from(values.slice(at, at + 4).flatMap((value) => [...bytesOf(value)]));
}

interface Disk {
  content: { at: { term: number; index: number }; values: readonly number[] };
}

/** Flushes when it is told to; what was not flushed is lost with the process. */
export class DurableRegister implements DurableStateMachine<number, 'sum', number> {
  readonly kind = 'durable';
  readonly recovered: LogId;
  values: readonly number[];
  isFull = false;
  readonly #disk: Disk;
  readonly #ticker: Ticker;
  #at: LogId;
  #onDurable: (index: Index) => void = () => {};
  #onRoom: () => void = () => {};

  constructor(disk: Disk, ticker: Ticker) {
    this.#disk = disk;
    this.#ticker = ticker;
    this.recovered = disk.content.at as LogId;
    this.#at = this.recovered;
    this.values = disk.content.values;
  }

  apply(batch: readonly CommittedCommand[], last: LogId): readonly number[] {
    const states = applyTo(this.values, batch);
    this.values = states.at(-1) ?? this.values;
    this.#at = last;
    return states.map(sum);
  }

  query(): number {
    return sum(this.values);
  }

  flush(): void {
    this.#disk.content = { at: this.#at, values: this.values };
    const { index } = this.#at;
    this.#ticker.defer(() => this.#onDurable(index));
  }

  makeRoom(): void {
    this.isFull = false;
    this.#onRoom();
  }

  onDurable(listener: (index: Index) => void): void {
    this.#onDurable = listener;
  }

  hasRoom(): boolean {
    return !this.isFull;
  }

  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }

  snapshot(meta: SnapshotMeta, completion: Completion<SnapshotSource>): void {
    const source = sourceOf(meta, chunksOf(this.values), this.#ticker);
    this.#ticker.defer(() => completion({ kind: 'done', value: source }));
  }

  restore(source: SnapshotSource, done: (error: Error | undefined) => void): void {
    readWhole(source, (outcome) => {
      if (outcome.kind === 'failed') {
        done(outcome.error);
        return;
      }
      const bytes = outcome.value.flatMap((chunk) => [...chunk]);
      this.values = numbersOf(bytes);
      this.#at = source.meta.last;
      this.flush();
      done(undefined);
    });
  }
}
