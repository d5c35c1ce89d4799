// The state machine: what is replicated. It must be deterministic, because every replica applies the same commands and
// all must come to the same state. No clock, no chance, no I/O in here.

import type { CommittedCommand, MemoryStateMachine } from '@kontiki/raft';

/** Commands are bytes to Raft; what they mean is settled here. This one adds to a named counter. */
export interface Add {
  readonly name: string;
  readonly amount: number;
}

export function encodeAdd(add: Add): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(add));
}

function decodeAdd(bytes: Uint8Array): Add {
  return JSON.parse(new TextDecoder().decode(bytes)) as Add;
}

/** Its result is the new value, a question is the name of a counter, the answer its value. */
export class Counters implements MemoryStateMachine<number, string, number> {
  readonly kind = 'memory';
  #values = new Map<string, number>();

  apply(batch: readonly CommittedCommand[]): readonly number[] {
    return batch.map(({ command }) => {
      const { name, amount } = decodeAdd(command);
      const value = this.query(name) + amount;
      this.#values.set(name, value);
      return value;
    });
  }

  query(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  /** The whole state, as of now. It replaces the log before it, on disk and for replicas that lag far behind. */
  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify([...this.#values]))];
  }

  restore(chunks: readonly Uint8Array[]): void {
    const decoder = new TextDecoder();
    const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode();
    this.#values = new Map(JSON.parse(text) as [string, number][]);
  }
}
