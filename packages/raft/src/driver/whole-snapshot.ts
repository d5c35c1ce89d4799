// Moving the bytes of a snapshot: from a source into memory, and from chunks into a sink, one at a time.

import type { Completion, Done, SnapshotSink, SnapshotSource } from './ports.ts';

/** Reads everything and closes the source. For states that live in memory anyway. */
export function readWhole(source: SnapshotSource, completion: Completion<readonly Uint8Array[]>): void {
  const chunks: Uint8Array[] = [];
  const next = (): void =>
    source.next((outcome) => {
      if (outcome.kind === 'done' && outcome.value !== undefined) {
        chunks.push(outcome.value);
        next();
        return;
      }
      source.close();
      completion(outcome.kind === 'failed' ? outcome : { kind: 'done', value: chunks });
    });
  next();
}

/** Writes all chunks and commits. A chunk is made only when the one before it was taken. */
export function writeWhole(chunks: Iterable<Uint8Array>, sink: SnapshotSink, done: Done): void {
  const iterator = chunks[Symbol.iterator]();
  const next = (): void => {
    let step: IteratorResult<Uint8Array>;
    try {
      step = iterator.next();
    } catch (error: unknown) {
      sink.abort();
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (step.done === true) {
      sink.commit(done);
      return;
    }
    sink.write(step.value, (error) => {
      if (error === undefined) next();
      else done(error);
    });
  };
  next();
}
