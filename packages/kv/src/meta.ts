// The small records beside the rows, in the form they have on disk: format version, applied position and revisions, leases.
// They are written in the same commit as the rows they belong to (architecture: "The state machine").

import type { Position } from './api.ts';
import type { BackendView, BackendWrite } from './backend.ts';
import {
  bytesOfKey,
  keyOfBytes,
  readInt64,
  readUint32,
  readUint64,
  writeInt64,
  writeUint32,
  writeUint64,
} from './bytes.ts';
import { StoreFormatError } from './invariant.ts';

/** Raised when an older program could not read what this one writes. */
export const formatVersion = 1;

export interface StoreState {
  /** The last entry applied; index 0 before the first. */
  readonly position: Position;
  readonly revision: number;
  /** -1 when nothing was ever compacted. */
  readonly compactRevision: number;
  /** Up to which compaction superfluous rows are known to be gone. */
  readonly scrubbedRevision: number;
}

/** etcd's fresh store: the first write gets revision 2. */
export const freshState: StoreState = {
  position: { index: 0, term: 0 },
  revision: 1,
  compactRevision: -1,
  scrubbedRevision: -1,
};

const formatName = bytesOfKey('format');
const stateName = bytesOfKey('state');
const stateLength = 40;

const recordPrefix = 'record/';
/** All records and nothing else: '0' follows '/'. */
export const recordNames: { readonly from: Uint8Array; readonly to: Uint8Array } = {
  from: bytesOfKey(recordPrefix),
  to: bytesOfKey('record0'),
};
/** Names are latin1 and this long at most: a backend's keys are short. */
export const recordNameLengthMax = 255;

export function formatWrite(): BackendWrite {
  const value = new Uint8Array(4);
  writeUint32(value, 0, formatVersion);
  return { kind: 'put', space: 'meta', key: formatName, value };
}

export function stateWrite(state: StoreState): BackendWrite {
  return { kind: 'put', space: 'meta', key: stateName, value: encodeState(state) };
}

/** undefined for a backend that no store has written to. */
export function readState(view: BackendView): StoreState | undefined {
  const format = view.get('meta', formatName);
  if (format === undefined) return undefined;
  const version = readUint32(format, 0);
  if (version > formatVersion) {
    throw new StoreFormatError(
      `the data is in format ${version} and this version reads up to ${formatVersion}: ` +
        'start the newer version that wrote it, or start with an empty data directory',
    );
  }
  const state = view.get('meta', stateName);
  if (state === undefined) throw new StoreFormatError('the data has a format version but no state record');
  return decodeState(state);
}

export function encodeState(state: StoreState): Uint8Array {
  const bytes = new Uint8Array(stateLength);
  writeUint64(bytes, 0, state.position.index);
  writeUint64(bytes, 8, state.position.term);
  writeUint64(bytes, 16, state.revision);
  // Shifted by one, because both begin at -1.
  writeUint64(bytes, 24, state.compactRevision + 1);
  writeUint64(bytes, 32, state.scrubbedRevision + 1);
  return bytes;
}

export function decodeState(bytes: Uint8Array): StoreState {
  if (bytes.length !== stateLength) {
    throw new StoreFormatError(`the state record has ${bytes.length} bytes instead of ${stateLength}`);
  }
  const state: StoreState = {
    position: { index: readUint64(bytes, 0), term: readUint64(bytes, 8) },
    revision: readUint64(bytes, 16),
    compactRevision: readUint64(bytes, 24) - 1,
    scrubbedRevision: readUint64(bytes, 32) - 1,
  };
  const sum = state.position.index + state.position.term + state.revision + state.compactRevision;
  if (Number.isNaN(sum + state.scrubbedRevision)) {
    throw new StoreFormatError('the state record holds a number above 2^53');
  }
  return state;
}

export function recordName(name: string): Uint8Array {
  return bytesOfKey(`${recordPrefix}${name}`);
}

export function parseRecordName(name: Uint8Array): string {
  const text = keyOfBytes(name);
  if (!text.startsWith(recordPrefix)) throw new StoreFormatError('a record has a name that no record has');
  return text.slice(recordPrefix.length);
}

export function leaseName(id: bigint): Uint8Array {
  const name = new Uint8Array(8);
  writeInt64(name, 0, id);
  return name;
}

export function parseLeaseName(name: Uint8Array): bigint {
  if (name.length !== 8) throw new StoreFormatError(`a lease has a name of ${name.length} bytes instead of 8`);
  return readInt64(name, 0);
}

export function encodeLease(ttl: number): Uint8Array {
  const value = new Uint8Array(8);
  writeUint64(value, 0, ttl);
  return value;
}

export function decodeLease(value: Uint8Array): number {
  const ttl = value.length === 8 ? readUint64(value, 0) : Number.NaN;
  if (Number.isNaN(ttl)) throw new StoreFormatError('a lease record holds no TTL');
  return ttl;
}
