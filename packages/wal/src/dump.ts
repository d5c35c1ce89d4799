// A log in words, frame by frame, for people: `kontiki wal dump`. It takes no lock and changes nothing, so it may look at
// a log that is in use or refused.

import type { Completion } from '@kontiki/raft';
import type { Checksum } from './checksum.ts';
import { durableName, readSlotFile } from './durable-index.ts';
import { DecodeError } from './errors.ts';
import { type Cursor, endOfContent, type Frame, findLaterBatch, frameTypes, type Proof, scanBatches } from './frame.ts';
import { decodeBase, decodeConfiguration, decodeVote } from './payload.ts';
import { readSegmentHeader, sequenceOf, startOf } from './segment.ts';
import { call, run, type Sequence, take } from './sequence.ts';
import type { Vfs, VfsFile } from './vfs.ts';

export interface DumpOptions {
  readonly vfs: Vfs;
  readonly directory: string;
  readonly checksum: Checksum;
  /** Takes one line, without its end. */
  readonly write: (line: string) => void;
}

/** Writes every file of a log and every frame in it. What cannot be read is said in its place. */
export function dumpWal(options: DumpOptions, completion: Completion<void>): void {
  run(dump(options), completion);
}

function* dump({ vfs, directory, checksum, write }: DumpOptions): Sequence<void> {
  const names = yield* take<readonly string[]>((completion) => vfs.list(directory, completion));
  for (const name of names) {
    const path = `${directory}/${name}`;
    if (name === durableName) {
      const slots = yield* readSlotFile(vfs, path, checksum);
      write(`${name}: ${slots.kind === 'readable' ? claimLine(slots) : slots.kind}`);
    } else if (sequenceOf(name) === undefined) {
      write(`${name}: not a segment`);
    } else {
      const file = yield* take<VfsFile>((completion) => vfs.open(path, 'existing', completion));
      const size = yield* take<number>((completion) => file.size(completion));
      const bytes = yield* take<Uint8Array>((completion) => file.read(0, size, completion));
      yield* call((done) => file.close(done));
      dumpSegment(name, bytes, checksum, write);
    }
  }
}

function claimLine({
  generation,
  claim,
}: {
  generation: number;
  claim: { batch: number; sequence: number; offset: number; index: number };
}): string {
  const { batch, sequence, offset, index } = claim;
  return `durable up to batch ${batch}, segment ${sequence}, offset ${offset}, index ${index} (generation ${generation})`;
}

function dumpSegment(name: string, bytes: Uint8Array, checksum: Checksum, write: (line: string) => void): void {
  try {
    const reading = readSegmentHeader(bytes, checksum);
    if (reading.kind !== 'sound') {
      write(
        `${name}: ${reading.kind === 'newer' ? `format version ${reading.version}, unknown here` : 'damaged header'}`,
      );
      return;
    }
    const { header, seed } = reading;
    const { before } = header;
    write(
      `${name}: ${header.size} bytes, from batch ${header.firstBatch}, after index ${before.index} of term ${before.term}`,
    );
    const proof: Proof = { checksum, seed };
    const { frames, end } = scanBatches(bytes, startOf(header), proof);
    for (const frame of frames) write(`  ${frame.offset.toString().padStart(8)}  ${describe(frame)}`);
    write(`  ${end.offset.toString().padStart(8)}  ${describeEnd(bytes, end, proof)}`);
  } catch (error: unknown) {
    if (!(error instanceof DecodeError)) throw error;
    write(`${name}: ${error.message}`);
  }
}

function describe(frame: Frame): string {
  const { index, term, payload } = frame;
  switch (frame.type) {
    case frameTypes.command:
      return `command        index ${index} term ${term}, ${payload.length} bytes`;
    case frameTypes.configuration:
      return `configuration  index ${index} term ${term}, ${attempt(() => JSON.stringify(decodeConfiguration(payload).voters))}`;
    case frameTypes.noop:
      return `no-op          index ${index} term ${term}`;
    case frameTypes.hardState:
      return `hard state     term ${term}, voted for ${attempt(() => decodeVote(payload) ?? 'nobody')}, commit ${index}`;
    case frameTypes.base:
      return `base           index ${index} term ${term}, ${attempt(() => decodeBase(payload).manner)}`;
    case frameTypes.mark:
      return `mark           index ${index} term ${term}`;
    default:
      return `unknown type ${frame.type}  index ${index} term ${term}, ${payload.length} bytes`;
  }
}

function describeEnd(bytes: Uint8Array, end: Cursor, proof: Proof): string {
  const content = endOfContent(bytes, end.offset, bytes.length);
  if (content === end.offset) return `end, zeros up to ${bytes.length}`;
  const later = findLaterBatch(bytes, end, proof);
  const what =
    later === undefined ? 'a torn batch, or a damaged one' : `a damaged batch, a later one stands at ${later}`;
  return `not whole from here to ${content}: ${what}`;
}

function attempt(decode: () => string): string {
  try {
    return decode();
  } catch (error: unknown) {
    if (error instanceof DecodeError) return `unreadable: ${error.message}`;
    throw error;
  }
}
