// The smallest state machine that shows a command done twice: a sum. Its result is the sum after the command.

import type { CommittedCommand, MemoryStateMachine } from '../index.ts';

export class Tally implements MemoryStateMachine<number, 'sum', number> {
  readonly kind = 'memory' as const;
  sum = 0;

  apply(batch: readonly CommittedCommand[]): readonly number[] {
    return batch.map(({ command: [amount = 0] }) => {
      this.sum += amount;
      return this.sum;
    });
  }

  query(): number {
    return this.sum;
  }

  snapshot(): Iterable<Uint8Array> {
    return [encodeSum(this.sum)];
  }

  restore(chunks: readonly Uint8Array[]): void {
    this.sum = decodeSum(Uint8Array.from(chunks.flatMap((chunk) => [...chunk])));
  }
}

/** A command that adds. */
export function add(amount: number): Uint8Array {
  return Uint8Array.of(amount);
}

export function encodeSum(sum: number): Uint8Array {
  return Uint8Array.of(sum >>> 24, sum >>> 16, sum >>> 8, sum);
}

export function decodeSum(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}
