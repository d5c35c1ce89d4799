// How large the codec makes what a server must not lose: the labs limit it. A service asks with every command, so the sizes of
// commands, which are nearly all of it, are added up and not written out.

import type { Entry, Index, Message, NodeId, SnapshotMeta, Term } from '@kontiki/raft';
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

/** Bytes of the entries as one append, of where they begin as the announcement of a snapshot, and of the vote. */
export function stateBytes({ base, entries, term, votedFor, commit }: RaftState): number {
  const ends = { from: nobody, to: nobody, term, round: 0 };
  const append = { kind: 'appendEntries', ...ends, commit } as const;
  const empty = sizeOf({ ...append, prev: base.last, entries: [] });
  let bytes = empty + varintBytes(entries.length) - varintBytes(0);
  for (const entry of entries) {
    if (entry.kind === 'configuration') {
      const prev = { term: entry.term, index: (entry.index - 1) as Index };
      bytes += sizeOf({ ...append, prev, entries: [entry] }) - sizeOf({ ...append, prev, entries: [] });
    } else bytes += 1 + varintBytes(entry.term);
    if (entry.kind === 'command') bytes += varintBytes(entry.data.length) + entry.data.length;
  }
  return bytes + sizeOf({ kind: 'installSnapshot', ...ends, snapshot: base }) + (votedFor?.length ?? 0);
}

function sizeOf(message: Message): number {
  const out = new ByteWriter();
  writeMessage(out, message);
  return out.length;
}

/** Seven bits to a byte. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}
