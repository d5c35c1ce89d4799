// Batches that the wire may still read. When it reads them no more, their chunks are used again, and their bytes count no
// longer for the connection.

import type { Batch, ChunkPool } from '../frames/frame-writer.ts';
import type { MemoryShare } from './memory.ts';
import type { Wire } from './wire.ts';

export class InFlight {
  readonly #wire: Wire;
  readonly #pool: ChunkPool;
  readonly #memory: MemoryShare;
  /** Oldest first. */
  readonly #batches: Batch[] = [];
  /** Writes older than those, of which the wire will still say that they are done. */
  #known = 0;
  readonly #onDone = (): void => {
    if (this.#known > 0) this.#known -= 1;
    else this.#release(this.#batches.shift());
  };

  constructor(wire: Wire, pool: ChunkPool, memory: MemoryShare) {
    this.#wire = wire;
    this.#pool = pool;
    this.#memory = memory;
  }

  /** Returns how many bytes wait in the wire. */
  write(batch: Batch): number {
    this.#memory.add(batch.bytes);
    this.#batches.push(batch);
    const waiting = this.#wire.write(batch.buffers, this.#onDone);
    // Nearly always: a socket that is not full takes everything at once, and the next connection gets a warm chunk.
    if (waiting === 0) this.#releaseAll();
    return waiting;
  }

  #releaseAll(): void {
    this.#known += this.#batches.length;
    for (let batch = this.#batches.pop(); batch !== undefined; batch = this.#batches.pop()) this.#release(batch);
  }

  #release(batch: Batch | undefined): void {
    if (batch === undefined) return;
    this.#memory.add(-batch.bytes);
    for (const chunk of batch.chunks) this.#pool.give(chunk);
  }
}
