// A store as a stream of bytes, as of one moment, while later entries are applied: it holds a view of the backend and the
// rows that were on their way there. Rows that a compaction has not yet scrubbed go along and are scrubbed by the receiver.

import type { Position } from './api.ts';
import type { BackendView } from './backend.ts';
import { compareBytes, writeUint32, writeUint64 } from './bytes.ts';
import type { Contents } from './contents.ts';
import { encodeLease, encodeState, leaseName, readState, recordName, type StoreState } from './meta.ts';
import { type Row, rowName } from './row.ts';
import {
  encodeFrame,
  encodePairs,
  type FrameKind,
  frameKind,
  type Pair,
  pairLength,
  snapshotMagic,
  snapshotVersion,
} from './snapshot-format.ts';

/** A frame takes no further pair past this. */
const framePayloadBytes = 64 * 1024;

export class SnapshotReader {
  /** What the snapshot holds: everything up to this entry. */
  readonly position: Position;
  readonly revision: number;
  readonly #view: BackendView;
  readonly #frames: Iterator<Uint8Array>;
  /** The frame that is being handed out, and how far. */
  #frame: Uint8Array = new Uint8Array(0);
  #frameAt = 0;
  #closed = false;

  /** The view becomes the reader's own. */
  constructor(contents: Contents, view: BackendView) {
    const { state, leases, records, overlay, rules } = contents;
    const leasesOfIt = rules.isInSnapshot('leases') ? leases.list() : [];
    const recordsOfIt = rules.isInSnapshot('records') ? [...records] : [];
    this.position = state.position;
    this.revision = state.revision;
    this.#view = view;
    // A scrub may have finished whose deletions this view does not show: what the view says of itself is true of its rows.
    const scrubbedRevision = readState(view)?.scrubbedRevision ?? -1;
    this.#frames = framesOf({
      state: { ...state, scrubbedRevision },
      leases: sorted(leasesOfIt.map(({ id, ttl }) => ({ name: leaseName(id), value: encodeLease(ttl) }))),
      records: sorted(recordsOfIt.map(([name, value]) => ({ name: recordName(name), value }))),
      view,
      young: overlay.rows(),
    });
  }

  /** The next 1 to `maxBytes` bytes; undefined when all have been handed out, or after `close`. */
  next(maxBytes: number): Uint8Array | undefined {
    if (this.#closed) return undefined;
    if (this.#frameAt === this.#frame.length) {
      const next = this.#frames.next();
      if (next.done === true) {
        this.close();
        return undefined;
      }
      this.#frame = next.value;
      this.#frameAt = 0;
    }
    const piece = this.#frame.subarray(this.#frameAt, this.#frameAt + Math.max(1, maxBytes));
    this.#frameAt += piece.length;
    return piece;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#view.close();
  }
}

interface Source {
  readonly state: StoreState;
  readonly leases: readonly Pair[];
  readonly records: readonly Pair[];
  readonly view: BackendView;
  readonly young: readonly Row[];
}

function* framesOf(source: Source): Generator<Uint8Array, void> {
  let checksum = 0;
  let pairs = 0;
  const frame = (kind: FrameKind, payload: Uint8Array): Uint8Array => {
    const encoded = encodeFrame(checksum, kind, payload);
    checksum = encoded.checksum;
    return encoded.bytes;
  };

  yield frame(frameKind.header, encodeHeader(source.state));
  const parts = [
    { kind: frameKind.leases, groups: grouped(source.leases) },
    { kind: frameKind.records, groups: grouped(source.records) },
    { kind: frameKind.rows, groups: storedRows(source.view, source.young[0]) },
    { kind: frameKind.rows, groups: grouped(source.young.map(pairOf)) },
  ];
  for (const { kind, groups } of parts) {
    for (const group of groups) {
      pairs += group.length;
      yield frame(kind, encodePairs(group));
    }
  }
  const end = new Uint8Array(8);
  writeUint64(end, 0, pairs);
  yield frame(frameKind.end, end);
}

function encodeHeader(state: StoreState): Uint8Array {
  const encoded = encodeState(state);
  const header = new Uint8Array(snapshotMagic.length + 4 + encoded.length);
  header.set(snapshotMagic, 0);
  writeUint32(header, snapshotMagic.length, snapshotVersion);
  header.set(encoded, snapshotMagic.length + 4);
  return header;
}

function sorted(pairs: Pair[]): Pair[] {
  return pairs.sort((left, right) => compareBytes(left.name, right.name));
}

function* grouped(pairs: readonly Pair[]): Generator<readonly Pair[], void> {
  for (let at = 0; at < pairs.length; ) {
    const start = at;
    for (let bytes = 0; at < pairs.length && bytes < framePayloadBytes; at++) {
      const pair = pairs[at];
      if (pair !== undefined) bytes += pairLength(pair);
    }
    yield pairs.slice(start, at);
  }
}

/** Everything before the first young row: from there on, the young ones are complete. */
function* storedRows(view: BackendView, young: Row | undefined): Generator<readonly Pair[], void> {
  const to = young === undefined ? undefined : rowName(young.main, young.sub, false);
  let from: Uint8Array | undefined = rowName(0, 0, false);
  while (from !== undefined) {
    const group: Pair[] = [];
    let bytes = 0;
    const start: Uint8Array = from;
    from = undefined;
    view.scan('rows', start, to, (name, value) => {
      if (bytes >= framePayloadBytes) {
        from = name;
        return false;
      }
      group.push({ name, value });
      bytes += pairLength({ name, value });
      return true;
    });
    if (group.length > 0) yield group;
  }
}

function pairOf(row: Row): Pair {
  return { name: rowName(row.main, row.sub, row.tombstone), value: row.bytes };
}
