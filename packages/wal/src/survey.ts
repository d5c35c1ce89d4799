// Reading the directory of a log: the facts that the decision table asks for, and the log itself as far as it is whole.
// It changes nothing on the disk.

import type { Checksum } from './checksum.ts';
import { type Claim, durableName, noClaim, readSlotFile, type SlotReading } from './durable-index.ts';
import { type Damage, DecodeError } from './errors.ts';
import { type Cursor, findLaterBatch, isEntry, isZero, scanBatches } from './frame.ts';
import type { Facts } from './recovery.ts';
import { Replay } from './replay.ts';
import { type WalRules, walRules } from './rules.ts';
import {
  readSegmentHeader,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentName,
  sequenceOf,
  startOf,
} from './segment.ts';
import { call, type Sequence, take } from './sequence.ts';
import type { Vfs, VfsFile } from './vfs.ts';

/** A segment that was read to the end of its last whole batch. */
export interface SurveyedSegment {
  readonly sequence: number;
  readonly header: SegmentHeader;
  readonly seed: number;
  readonly end: Cursor;
  /** The highest index of an entry in it, also of entries that were cut off later; 0 without any. */
  readonly indexMax: number;
}

export interface Survey {
  readonly facts: Facts;
  readonly segments: readonly SurveyedSegment[];
  /** `undefined` without a sound segment. */
  readonly replay: Replay | undefined;
  readonly claim: Claim;
  readonly slotGeneration: number;
  /** All bytes of the last segment, if it was reached. */
  readonly lastBytes: Uint8Array | undefined;
  /** Where the reading stopped, for the message. */
  readonly stop: Omit<Damage, 'row'>;
  readonly newerVersion: number | undefined;
}

const soundFacts: Facts = {
  format: 'known',
  segments: 'some',
  slot: 'readable',
  header: 'sound',
  link: 'follows',
  frames: 'end',
  place: 'last',
  first: 'whole',
  behind: 'nothing',
  front: 'reached',
  claim: 'within',
};

export function* survey(
  vfs: Vfs,
  directory: string,
  names: readonly string[],
  checksum: Checksum,
  rules: WalRules = walRules,
): Sequence<Survey> {
  const surveyor = new Surveyor(vfs, directory, checksum, rules);
  return yield* surveyor.run(names);
}

class Surveyor {
  readonly #vfs: Vfs;
  readonly #directory: string;
  readonly #checksum: Checksum;
  readonly #rules: WalRules;
  #facts: Facts = soundFacts;
  #segments: SurveyedSegment[] = [];
  #replay: Replay | undefined;
  #lastBytes: Uint8Array | undefined;
  #newerVersion: number | undefined;
  #stop: { file: string; offset: number; reason: string };
  #stopped = false;

  constructor(vfs: Vfs, directory: string, checksum: Checksum, rules: WalRules) {
    this.#vfs = vfs;
    this.#directory = directory;
    this.#checksum = checksum;
    this.#rules = rules;
    this.#stop = { file: `${directory}/${durableName}`, offset: 0, reason: '' };
  }

  *run(names: readonly string[]): Sequence<Survey> {
    const slots = names.includes(durableName) ? yield* this.#slots() : undefined;
    const sequences = names.map(sequenceOf).filter((sequence) => sequence !== undefined);
    let goesOn = this.#facts.format === 'known' && this.#facts.slot === 'readable';
    for (const [at, sequence] of sequences.entries()) {
      if (!goesOn) break;
      goesOn = yield* this.#segment(sequence, at === sequences.length - 1);
    }
    const claim = slots?.kind === 'readable' ? slots.claim : noClaim;
    this.#conclude(sequences.length, slots, claim);
    return {
      facts: this.#facts,
      segments: this.#segments,
      replay: this.#replay,
      claim,
      slotGeneration: slots?.kind === 'readable' ? slots.generation : 0,
      lastBytes: this.#lastBytes,
      stop: { ...this.#stop, index: (this.#replay?.last.index ?? 0) + 1 },
      newerVersion: this.#newerVersion,
    };
  }

  *#slots(): Sequence<SlotReading> {
    const path = `${this.#directory}/${durableName}`;
    const slots = yield* readSlotFile(this.#vfs, path, this.#checksum);
    if (slots.kind === 'newer') this.#newer(path, slots.version);
    if (slots.kind === 'unreadable') this.#out({ slot: 'unreadable' }, path, 0);
    return slots;
  }

  /** Reads one segment. False when the reading ends with it. */
  *#segment(sequence: number, isLast: boolean): Sequence<boolean> {
    const path = `${this.#directory}/${segmentName(sequence)}`;
    const previous = this.#segments.at(-1);
    if (previous !== undefined && sequence !== previous.sequence + 1) {
      return this.#out({ link: 'missing' }, `${this.#directory}/${segmentName(previous.sequence + 1)}`, 0);
    }
    const bytes = yield* this.#read(path);
    this.#facts = { ...this.#facts, place: isLast ? 'last' : 'earlier' };
    try {
      return this.#scan(path, sequence, bytes, isLast);
    } catch (error: unknown) {
      if (!(error instanceof DecodeError)) throw error;
      return this.#out({ frames: 'nonsense' }, path, this.#stop.file === path ? this.#stop.offset : 0, error.message);
    }
  }

  #scan(path: string, sequence: number, bytes: Uint8Array, isLast: boolean): boolean {
    this.#stop = { file: path, offset: 0, reason: '' };
    const reading = readSegmentHeader(bytes, this.#checksum);
    if (reading.kind === 'newer') return this.#newer(path, reading.version);
    if (reading.kind === 'damaged') return this.#out({ header: 'damaged' }, path, 0);
    const { header, seed } = reading;
    if (bytes.length < header.size) return this.#out({ header: 'short' }, path, bytes.length);
    if (header.sequence !== sequence || !this.#follows(header)) return this.#out({ link: 'breaks' }, path, 0);

    const proof = { checksum: this.#checksum, seed };
    this.#stop.offset = segmentHeaderBytes;
    const scan = scanBatches(bytes, startOf(header), proof, this.#rules);
    this.#replay ??= new Replay(header.before, this.#rules);
    let indexMax = 0;
    for (const frame of scan.frames) {
      this.#stop.offset = frame.offset;
      this.#replay.apply(frame);
      if (isEntry(frame.type)) indexMax = Math.max(indexMax, frame.index);
    }
    this.#stop.offset = scan.end.offset;
    this.#segments.push({ sequence, header, seed, end: scan.end, indexMax });
    if (isLast) this.#lastBytes = bytes;

    const first = scan.end.batch < header.firstBatch ? 'broken' : 'whole';
    // An older segment may end in zeros only; that it lost nothing there is the next segment's link to say.
    const nothingBehind = isLast ? isZero(bytes, scan.end.offset, bytes.length) : scan.blank;
    if (nothingBehind && first === 'whole') return true;
    const later = isLast ? findLaterBatch(bytes, scan.end, proof) : undefined;
    return this.#out(
      { frames: nothingBehind ? 'end' : 'broken', first, behind: later === undefined ? 'nothing' : 'laterBatch' },
      path,
      scan.end.offset,
      later === undefined ? undefined : `frame of a later batch at offset ${later}`,
    );
  }

  #follows(header: SegmentHeader): boolean {
    const previous = this.#segments.at(-1);
    if (previous === undefined || this.#replay === undefined) return true;
    const { last } = this.#replay;
    return (
      header.firstBatch === previous.end.batch + 1 &&
      header.chain === previous.end.chain &&
      header.before.index === last.index &&
      header.before.term === last.term
    );
  }

  *#read(path: string): Sequence<Uint8Array> {
    const file = yield* take<VfsFile>((completion) => this.#vfs.open(path, 'existing', completion));
    const size = yield* take<number>((completion) => file.size(completion));
    const bytes = yield* take<Uint8Array>((completion) => file.read(0, size, completion));
    yield* call((done) => file.close(done));
    return bytes;
  }

  #conclude(segmentCount: number, slots: SlotReading | undefined, claim: Claim): void {
    const [oldest] = this.#segments;
    const end = this.#segments.at(-1)?.end.batch ?? 0;
    const front = this.#replay === undefined || this.#replay.entries() !== undefined ? 'reached' : 'missing';
    if (slots === undefined && segmentCount > 0) this.#out({}, `${this.#directory}/${durableName}`, 0);
    else if (front === 'missing' && oldest !== undefined && !this.#stopped) {
      this.#out(
        {},
        `${this.#directory}/${segmentName(oldest.sequence)}`,
        0,
        `its entries begin at ${oldest.header.before.index + 1}`,
      );
    }
    this.#facts = {
      ...this.#facts,
      segments: segmentCount === 0 ? 'none' : 'some',
      slot: slots === undefined ? 'absent' : this.#facts.slot,
      front,
      claim: this.#rules.claim(claim.batch, end),
    };
  }

  #newer(path: string, version: number): false {
    this.#newerVersion = version;
    return this.#out({ format: 'newer' }, path, 0);
  }

  /** Notes the first thing out of order. Always false: the reading ends. */
  #out(facts: Partial<Facts>, file: string, offset: number, reason = ''): false {
    this.#stopped = true;
    this.#facts = { ...this.#facts, ...facts };
    this.#stop = { file, offset, reason };
    return false;
  }
}
