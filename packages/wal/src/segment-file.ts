// Files of segments on their way to a name: full size and synced first, so that a segment that can be seen is whole.

import type { Completion, Outcome } from '@kontiki/raft';
import type { WalRules } from './rules.ts';
import { segmentName } from './segment.ts';
import { call, run, type Sequence, take } from './sequence.ts';
import type { Vfs, VfsFile } from './vfs.ts';

export function temporaryName(sequence: number): string {
  return `${segmentName(sequence)}.tmp`;
}

/** A file of the full size without a name of its own yet, which begins with `content`. Durable but for its directory entry. */
export function* prepareSegment(
  vfs: Vfs,
  directory: string,
  sequence: number,
  size: number,
  content: Uint8Array,
): Sequence<VfsFile> {
  const path = `${directory}/${temporaryName(sequence)}`;
  const file = yield* take<VfsFile>((completion) => vfs.open(path, 'create', completion));
  if (content.length > 0) yield* call((done) => file.write(0, content, done));
  yield* call((done) => file.preallocate(size, done));
  yield* call((done) => file.fdatasync(done));
  return file;
}

/** Gives a prepared file its name, durably. */
export function* publishSegment(vfs: Vfs, directory: string, sequence: number, rules: WalRules): Sequence<void> {
  const from = `${directory}/${temporaryName(sequence)}`;
  yield* call((done) => vfs.rename(from, `${directory}/${segmentName(sequence)}`, done));
  if (rules.syncsDirectory('segmentNamed')) yield* call((done) => vfs.syncDirectory(directory, done));
}

export interface PreparedFile {
  readonly file: VfsFile;
  readonly size: number;
}

/** The next segment's file, prepared while the one before it fills. */
export class SegmentReserve {
  readonly #vfs: Vfs;
  readonly #directory: string;
  readonly #size: number;
  #sequence = 0;
  #outcome: Outcome<PreparedFile> | undefined;
  #waiting: Completion<PreparedFile> | undefined;

  constructor(vfs: Vfs, directory: string, size: number) {
    this.#vfs = vfs;
    this.#directory = directory;
    this.#size = size;
  }

  /** Begins to prepare the file; does nothing when it was begun before. */
  prepare(sequence: number): void {
    if (this.#sequence === sequence) return;
    this.#sequence = sequence;
    this.#outcome = undefined;
    run(prepareSegment(this.#vfs, this.#directory, sequence, this.#size, new Uint8Array(0)), (outcome) => {
      this.#outcome =
        outcome.kind === 'done' ? { kind: 'done', value: { file: outcome.value, size: this.#size } } : outcome;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.(this.#outcome);
    });
  }

  /** The prepared file, if it is large enough, else one made for this size. */
  *take(sequence: number, size: number): Sequence<PreparedFile> {
    if (size > this.#size && this.#sequence !== sequence) {
      return { file: yield* prepareSegment(this.#vfs, this.#directory, sequence, size, new Uint8Array(0)), size };
    }
    this.prepare(sequence);
    const prepared = yield* this.#prepared();
    if (prepared.size >= size) return prepared;
    yield* call((done) => prepared.file.preallocate(size, done));
    yield* call((done) => prepared.file.fdatasync(done));
    return { file: prepared.file, size };
  }

  /** Gives back a file that nobody took. */
  *discard(active: number): Sequence<void> {
    if (this.#sequence !== active + 1) return;
    const { file } = yield* this.#prepared();
    yield* call((done) => file.close(done));
    yield* call((done) => this.#vfs.unlink(file.path, done));
  }

  *#prepared(): Sequence<PreparedFile> {
    return yield* take<PreparedFile>((completion) => {
      const outcome = this.#outcome;
      if (outcome === undefined) this.#waiting = completion;
      else this.#vfs.defer(() => completion(outcome));
    });
  }
}
