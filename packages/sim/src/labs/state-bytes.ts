// How large the codec makes what a server must not lose: the labs limit it. A service asks with every command, so the sizes of
// commands, which are nearly all of it, are added up and not written out.

import type { Entry, Index, LogId, Message, NodeId, SnapshotMeta, Term } from '@kontiki/raft';
import { ByteWriter, writeMessage } from '@kontiki/transport';

export interface RaftState {
  readonly base: SnapshotMeta;
  /** All behind the base. */
  readonly entries: readonly Entry[];
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  readonly commit: Index;
}

const nobody = '' as NodeId;
const scratch = new ByteWriter(1024);
/** Of a base, the size of its announcement in term 0: it changes with a snapshot only. */
const announcements = new WeakMap<SnapshotMeta, number>();

/** Bytes of the entries as one append, of where they begin as the announcement of a snapshot, and of the vote. */
export function stateBytes({ base, entries, term, votedFor, commit }: RaftState): number {
  let bytes = appendBytes(term, commit, base.last, []) + varintBytes(entries.length) - varintBytes(0);
  for (const entry of entries) {
    if (entry.kind === 'configuration') {
      const prev = { term: entry.term, index: (entry.index - 1) as Index };
      bytes += appendBytes(term, commit, prev, [entry]) - appendBytes(term, commit, prev, []);
    } else bytes += 1 + varintBytes(entry.term);
    if (entry.kind === 'command') bytes += varintBytes(entry.data.length) + entry.data.length;
  }
  return bytes + announcementBytes(base) + varintBytes(term) - varintBytes(0) + (votedFor?.length ?? 0);
}

function appendBytes(term: Term, commit: Index, prev: LogId, entries: readonly Entry[]): number {
  return sizeOf({ kind: 'appendEntries', from: nobody, to: nobody, term, prev, entries, commit, round: 0 });
}

function announcementBytes(base: SnapshotMeta): number {
  const known = announcements.get(base);
  if (known !== undefined) return known;
  const term = 0 as Term;
  const bytes = sizeOf({ kind: 'installSnapshot', from: nobody, to: nobody, term, snapshot: base, round: 0 });
  announcements.set(base, bytes);
  return bytes;
}

function sizeOf(message: Message): number {
  scratch.clear();
  writeMessage(scratch, message);
  return scratch.length;
}

/** Seven bits to a byte. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}
