// Why a log is not opened, or no longer written. All of these end the node (fail-stop): none of them is worth a retry.

/** A rule of this package is broken by its own code or by its caller. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvariantError';
  }
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Bytes with a right checksum that say what no writer says. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecodeError';
  }
}

/** Where and how a stored file contradicts itself. */
export interface Damage {
  /** The row of the decision table, or `snapshot`. */
  readonly row: string;
  readonly file: string;
  readonly offset: number;
  /** The first log index that cannot be trusted any more. */
  readonly index: number;
  readonly reason: string;
}

/** The log lost something it had promised. It must not be used, not even for a vote. */
export class WalCorruptError extends Error {
  readonly code = 'WAL_CORRUPT';
  readonly damage: Damage;
  readonly repair: string;

  constructor(damage: Damage, repair: string) {
    super(
      `the log is corrupt: ${damage.reason} (file ${damage.file}, offset ${damage.offset}, from index ${damage.index} on; ` +
        `row ${damage.row} of docs/wal-format.md). ${repair}`,
    );
    this.name = 'WalCorruptError';
    this.damage = damage;
    this.repair = repair;
  }
}

/** A file of a format this program does not know. */
export class NewerFormatError extends Error {
  readonly code = 'NEWER_FORMAT';
  readonly file: string;
  readonly version: number;

  constructor(file: string, version: number, known: number) {
    super(
      `${file} has format version ${version}, this program knows versions up to ${known}. ` +
        'Start it with the newer program that wrote it.',
    );
    this.name = 'NewerFormatError';
    this.file = file;
    this.version = version;
  }
}

/** A snapshot that is not there, or not whole. */
export class SnapshotError extends Error {
  readonly code = 'SNAPSHOT_UNUSABLE';
  readonly file: string;

  constructor(file: string, reason: string) {
    super(`the snapshot ${file} cannot be used: ${reason}`);
    this.name = 'SnapshotError';
    this.file = file;
  }
}

/** The store was closed before. */
export class WalClosedError extends Error {
  readonly code = 'WAL_CLOSED';

  constructor() {
    super('the log is closed');
    this.name = 'WalClosedError';
  }
}
