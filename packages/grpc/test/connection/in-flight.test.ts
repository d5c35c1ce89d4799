import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InFlight } from '../../src/connection/in-flight.ts';
import { MemoryBudget } from '../../src/connection/memory.ts';
import type { Wire } from '../../src/connection/wire.ts';
import { ChunkPool, FrameWriter } from '../../src/frames/frame-writer.ts';
import { VirtualTime } from '../virtual-time.ts';

function play() {
  const pool = new ChunkPool();
  const memory = new MemoryBudget(1_000_000);
  const share = memory.share({ scheduler: new VirtualTime(), yieldMs: 5000, giveUp: () => undefined });
  const before = memory.bytes;
  const done: (() => void)[] = [];
  const play = { waiting: 0, done, held: () => memory.bytes - before, write };
  const wire: Wire = {
    write: (_buffers, whenDone) => {
      done.push(whenDone);
      return play.waiting;
    },
    end: () => undefined,
    destroy: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
  };
  const inFlight = new InFlight(wire, pool, share);
  const writer = new FrameWriter(pool);
  /** The chunk that was written. */
  function write(waiting: number): Buffer | undefined {
    play.waiting = waiting;
    writer.ping(false, Buffer.alloc(8));
    const batch = writer.take();
    inFlight.write(batch);
    return batch.chunks[0];
  }
  return { ...play, pool };
}

test('what a wire takes at once is held no more, and its chunk is the next one', () => {
  const { write, held, pool } = play();

  const chunk = write(0);

  assert.equal(held(), 0);
  assert.equal(pool.take(true), chunk);
});

test('a chunk that a wire may still read is not used again, whatever else is done', () => {
  const { write, held, done, pool } = play();
  write(0);
  const [second, third] = [write(17), write(34)];
  assert.equal(held(), 34);

  // Of the first one, which was held no more.
  done.shift()?.();
  assert.equal(held(), 34);
  const other = pool.take(true);
  assert.ok(other !== second && other !== third);

  done.shift()?.();
  assert.equal(held(), 17);
  assert.equal(pool.take(true), second);
  done.shift()?.();
  assert.equal(held(), 0);
  assert.equal(pool.take(true), third);
});

test('a wire that has taken everything has taken what came before it, too', () => {
  const { write, held, done } = play();
  write(17);
  write(0);
  assert.equal(held(), 0);

  write(17);
  done.shift()?.();
  done.shift()?.();
  assert.equal(held(), 17);
  done.shift()?.();

  assert.equal(held(), 0);
});
