// Opening a log: lock, leftovers, survey, decision, and what the decision asks for. A crash at any step here leaves a
// directory that gives the same answer again.

import type { Completion, RecoveredLog } from '@kontiki/raft';
import { type Claim, createSlotFile, DurableIndex, durableName, noClaim } from './durable-index.ts';
import { NewerFormatError, WalCorruptError } from './errors.ts';
import { formatVersion } from './file-head.ts';
import { batchBytes, type Draft, encodeBatch, endOfContent, frameTypes, mark } from './frame.ts';
import { segmentBytesDefault, segmentBytesMin, type WalOptions } from './options.ts';
import { encodeBase, encodeVote, noBase, noHardState } from './payload.ts';
import type { Row } from './recovery.ts';
import { walRules } from './rules.ts';
import { hex, putSegmentHeader, type SegmentHeader, segmentHeaderBytes, segmentName, startOf } from './segment.ts';
import { prepareSegment, publishSegment } from './segment-file.ts';
import { call, run, type Sequence, take } from './sequence.ts';
import { type Survey, survey } from './survey.ts';
import type { VfsFile, VfsLock } from './vfs.ts';
import { type ActiveSegment, type OlderSegment, Wal } from './wal.ts';

const tornFilesMax = 8;

/**
 * Opens the log in a directory, recovered, durable and locked. Fails with WalCorruptError, NewerFormatError or VfsError;
 * throws a RangeError at once for a segment size that is none.
 */
export function openWal(options: WalOptions, completion: Completion<Wal>): void {
  const { segmentBytes = segmentBytesDefault } = options;
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes < segmentBytesMin) {
    throw new RangeError(`segmentBytes is ${segmentBytes}: a whole number from ${segmentBytesMin} on is expected`);
  }
  run(open(options, segmentBytes), completion);
}

function* open(options: WalOptions, segmentBytes: number): Sequence<Wal> {
  const { vfs, directory } = options;
  yield* call((done) => vfs.makeDirectory(directory, done));
  const lock = yield* take<VfsLock>((completion) => vfs.lock(directory, completion));
  try {
    return yield* openLocked(options, segmentBytes, lock);
  } catch (error: unknown) {
    yield* call((done) => lock.release(done));
    throw error;
  }
}

function* openLocked(options: WalOptions, segmentBytes: number, lock: VfsLock): Sequence<Wal> {
  const { vfs, directory, checksum, rules = walRules } = options;
  const names = yield* removeLeftovers(options);
  const found = yield* survey(vfs, directory, names, checksum, rules);
  const row = rules.decide(found.facts);
  refuse(row, found, directory);

  if (!names.includes(durableName)) yield* call((done) => createSlotFile(vfs, directory, checksum, done));
  // Whoever gave the file its name may not have lived to sync it, and no segment may have one before.
  else if (row.outcome === 'create') yield* call((done) => vfs.syncDirectory(directory, done));
  const opened =
    row.outcome === 'create'
      ? yield* createFirst(options, segmentBytes)
      : yield* renewLast(options, found, names, row.outcome === 'cutTail');

  const slotFile = yield* take<VfsFile>((completion) =>
    vfs.open(`${directory}/${durableName}`, 'existing', completion),
  );
  const { active, recovered } = opened;
  // By the right rules no log is opened in spite of its claim.
  const written = found.claim.batch > active.cursor.batch ? noClaim : found.claim;
  const slots = new DurableIndex(slotFile, checksum, Math.max(1, found.slotGeneration), written);
  const last = recovered.entries.at(-1) ?? recovered.base.last;
  const claim: Claim = {
    batch: active.cursor.batch,
    sequence: active.sequence,
    offset: active.cursor.offset,
    index: last.index,
  };
  yield* call((done) => slots.write(claim, done));
  const older = found.segments.slice(0, -1).map(({ sequence, indexMax }): OlderSegment => ({ sequence, indexMax }));
  options.onEvent?.({
    kind: 'opened',
    row: row.id,
    segments: older.length + 1,
    entries: recovered.entries.length,
    lastIndex: last.index,
  });
  return new Wal({ options, segmentBytes, lock, slots, active, older, recovered });
}

function* removeLeftovers(options: WalOptions): Sequence<readonly string[]> {
  const { vfs, directory, onEvent } = options;
  const names = yield* take<readonly string[]>((completion) => vfs.list(directory, completion));
  const leftovers = names.filter((name) => name.endsWith('.tmp'));
  for (const name of leftovers) {
    yield* call((done) => vfs.unlink(`${directory}/${name}`, done));
    onEvent?.({ kind: 'leftoverRemoved', file: `${directory}/${name}` });
  }
  return names.filter((name) => !name.endsWith('.tmp'));
}

function refuse(row: Row, found: Survey, directory: string): void {
  const { stop, newerVersion } = found;
  if (row.outcome === 'refuse') throw new NewerFormatError(stop.file, newerVersion ?? 0, formatVersion);
  if (row.outcome !== 'corrupt') return;
  const reason = stop.reason === '' ? row.why : `${row.why} (${stop.reason})`;
  throw new WalCorruptError(
    { ...stop, row: row.id, reason },
    `This member must not vote with what is left. Remove it from the cluster, delete ${directory}, and add it again under ` +
      'a new id; a single member is restored from a backup.',
  );
}

interface Opened {
  readonly active: ActiveSegment;
  readonly recovered: RecoveredLog;
}

function* createFirst(options: WalOptions, size: number): Sequence<Opened> {
  const { vfs, directory, checksum, rules = walRules } = options;
  const header: SegmentHeader = { sequence: 1, size, firstBatch: 1, before: noBase.last, chain: 0 };
  const drafts: readonly Draft[] = [
    { type: frameTypes.base, index: 0, term: 0, payload: encodeBase('restated', noBase.configuration) },
    { type: frameTypes.hardState, index: 0, term: 0, payload: encodeVote(noHardState) },
    mark(noBase.last),
  ];
  const content = new Uint8Array(segmentHeaderBytes + batchBytes(drafts));
  const seed = putSegmentHeader(content, header, checksum);
  const cursor = encodeBatch(drafts, content, segmentHeaderBytes, startOf(header), { checksum, seed });
  const file = yield* prepareSegment(vfs, directory, 1, size, content);
  yield* publishSegment(vfs, directory, 1, rules);
  return {
    active: { file, sequence: 1, size, seed, cursor, indexMax: 0 },
    recovered: { hardState: noHardState, base: noBase, entries: [] },
  };
}

/**
 * Writes the last segment anew up to its last whole batch. What was read may have come from a page cache whose sync had
 * failed before this process began; after this it is on the disk, and no stale byte stands behind it.
 */
function* renewLast(options: WalOptions, found: Survey, names: readonly string[], torn: boolean): Sequence<Opened> {
  const { vfs, directory, rules = walRules } = options;
  const { replay, lastBytes } = found;
  const last = found.segments.at(-1);
  const entries = replay?.entries();
  if (replay === undefined || last === undefined || lastBytes === undefined || entries === undefined) {
    throw new TypeError('a log without a last segment is not opened');
  }
  const { sequence, seed, end, indexMax } = last;
  const { size } = last.header;
  if (torn) yield* keepAside(options, sequence, end.offset, lastBytes, names);
  let file: VfsFile;
  if (torn || rules.renewsTail()) {
    file = yield* prepareSegment(vfs, directory, sequence, size, lastBytes.subarray(0, end.offset));
    yield* publishSegment(vfs, directory, sequence, rules);
  } else {
    const path = `${directory}/${segmentName(sequence)}`;
    file = yield* take<VfsFile>((completion) => vfs.open(path, 'existing', completion));
  }
  return {
    active: { file, sequence, size, seed, cursor: end, indexMax },
    recovered: { hardState: replay.hardState, base: replay.base, entries },
  };
}

function* keepAside(
  options: WalOptions,
  sequence: number,
  offset: number,
  bytes: Uint8Array,
  names: readonly string[],
): Sequence<void> {
  const { vfs, directory, onEvent } = options;
  const tail = bytes.subarray(offset, endOfContent(bytes, offset, bytes.length));
  const name = `${hex(sequence)}-${hex(offset)}.torn`;
  const file = yield* take<VfsFile>((completion) => vfs.open(`${directory}/${name}`, 'create', completion));
  yield* call((done) => file.write(0, tail, done));
  yield* call((done) => file.fdatasync(done));
  yield* call((done) => file.close(done));
  const others = names.filter((other) => other.endsWith('.torn') && other !== name);
  for (const other of others.slice(0, Math.max(0, others.length - tornFilesMax + 1))) {
    yield* call((done) => vfs.unlink(`${directory}/${other}`, done));
  }
  yield* call((done) => vfs.syncDirectory(directory, done));
  onEvent?.({
    kind: 'tailTorn',
    file: `${directory}/${segmentName(sequence)}`,
    offset,
    bytes: tail.length,
    keptIn: `${directory}/${name}`,
  });
}
