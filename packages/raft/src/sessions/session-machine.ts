// A state machine in memory with sessions around it: what it answers to a command of a session, it answers only once, and
// whoever asks again gets the same bytes. The table stands before the machine's own state in every snapshot.
//
//   snapshot: length of the table (4), the table, what the machine's own snapshot gave

import type { CommittedCommand, MemoryStateMachine } from '../driver/ports.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import type { SessionResult } from './session-format.ts';
import type { SessionRules } from './session-rules.ts';
import { SessionTable } from './session-table.ts';

export interface SessionMachineOptions<Result, Query, Answer> {
  /** Called with one command at a time. */
  readonly machine: MemoryStateMachine<Result, Query, Answer>;
  /** The bytes that go to the client, and are kept for it. Deterministic, like the machine. */
  readonly encodeReply: (result: Result) => Uint8Array;
  readonly rules?: SessionRules;
}

/** How large the pieces are in which the table leaves. */
const chunkBytes = 64 * 1024;
const headBytes = 4;

export class SessionMachine<Result, Query, Answer> implements MemoryStateMachine<SessionResult, Query, Answer> {
  readonly kind = 'memory';
  readonly table: SessionTable;
  readonly #machine: MemoryStateMachine<Result, Query, Answer>;
  readonly #encodeReply: (result: Result) => Uint8Array;

  constructor(options: SessionMachineOptions<Result, Query, Answer>) {
    this.table = new SessionTable(options.rules);
    this.#machine = options.machine;
    this.#encodeReply = options.encodeReply;
  }

  apply(batch: readonly CommittedCommand[]): readonly SessionResult[] {
    // One at a time: whether a command is executed may hang on the one before it, and batches are cut anew on every member.
    return batch.map((entry) => this.table.apply(entry, (command) => this.#execute({ ...entry, command })));
  }

  query(query: Query): Answer {
    return this.#machine.query(query);
  }

  snapshot(): Iterable<Uint8Array> {
    const table = this.table.encode();
    const head = new ByteWriter().u32(table.length).raw(table).done();
    return chunksOf(head, this.#machine.snapshot());
  }

  restore(chunks: readonly Uint8Array[]): void {
    const { head, rest } = splitAt(chunks, headBytes);
    const { head: table, rest: own } = splitAt(
      rest,
      new ByteReader(head, 'the snapshot of a state with sessions').u32(),
    );
    this.table.load(table);
    this.#machine.restore(own);
  }

  #execute(entry: CommittedCommand): Uint8Array {
    const results = this.#machine.apply([entry]);
    for (const result of results) if (results.length === 1) return this.#encodeReply(result);
    throw new TypeError(`the state machine gave ${results.length} results for 1 command`);
  }
}

function* chunksOf(head: Uint8Array, own: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (let at = 0; at < head.length; at += chunkBytes) yield head.subarray(at, at + chunkBytes);
  yield* own;
}

/** The first `length` bytes as one, and what is left of the chunks. Fewer bytes are for the reader to complain of. */
function splitAt(
  chunks: readonly Uint8Array[],
  length: number,
): { readonly head: Uint8Array; readonly rest: readonly Uint8Array[] } {
  const head = new ByteWriter();
  let missing = length;
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    head.raw(chunk.subarray(0, missing));
    if (chunk.length > missing) rest.push(chunk.subarray(missing));
    missing -= Math.min(missing, chunk.length);
  }
  return { head: head.done(), rest };
}
