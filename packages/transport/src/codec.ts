// The binary form of a Raft message. Decoding proves the shape: what comes out is a `Message` whatever went in, or a
// reason. Claims are the core's affair: a stale term or an absurd index that is a number passes here.
//
// Sender and receiver are not on the wire: the handshake settled who is at either end, so no message can claim another.
// Entries of one message are consecutive, so their indexes are not on the wire either.

import type {
  AppendOutcome,
  Configuration,
  Entry,
  Index,
  LogId,
  Message,
  NodeId,
  Phase,
  SnapshotMeta,
  Term,
} from '@kontiki/raft';
import { type ByteReader, type ByteWriter, MalformedError } from './bytes.ts';

/** Who is at the ends of the link a message came over. */
export interface Ends {
  readonly from: NodeId;
  readonly to: NodeId;
}

const messageKinds = [
  'requestVote',
  'requestVoteReply',
  'appendEntries',
  'appendEntriesReply',
  'installSnapshot',
  'readIndex',
  'readIndexReply',
  'timeoutNow',
] as const satisfies readonly Message['kind'][];
const phases = ['preVote', 'vote'] as const satisfies readonly Phase[];
const outcomes = ['matched', 'rejected'] as const satisfies readonly AppendOutcome['kind'][];
const entryKinds = ['command', 'configuration', 'noop'] as const satisfies readonly Entry['kind'][];

/** How many bytes `writeMessage` will write at most, roughly; a good first size of the buffer. */
export function messageBytes(message: Message): number {
  if (message.kind !== 'appendEntries') return 128;
  return message.entries.reduce((sum, entry) => sum + entryBytes(entry), 128);
}

function entryBytes(entry: Entry): number {
  return 24 + (entry.kind === 'command' ? entry.data.length : 0);
}

export function writeMessage(out: ByteWriter, message: Message): void {
  out.u8(messageKinds.indexOf(message.kind));
  out.varint(message.term);
  switch (message.kind) {
    case 'requestVote':
      out.u8(phases.indexOf(message.phase));
      writeLogId(out, message.last);
      out.flag(message.transfer);
      return;
    case 'requestVoteReply':
      out.u8(phases.indexOf(message.phase));
      out.flag(message.granted);
      return;
    case 'appendEntries':
      out.varint(message.round);
      writeLogId(out, message.prev);
      out.varint(message.commit);
      writeEntries(out, message.prev.index, message.entries);
      return;
    case 'appendEntriesReply':
      out.varint(message.round);
      writeOutcome(out, message.outcome);
      return;
    case 'installSnapshot':
      out.varint(message.round);
      writeSnapshotMeta(out, message.snapshot);
      return;
    case 'readIndex':
      out.varint(message.readId);
      return;
    case 'readIndexReply':
      out.varint(message.readId);
      writeOptional(out, message.index);
      return;
    case 'timeoutNow':
      return;
    default:
      unreachable(message);
  }
}

/** Reads one message to the end of the reader. Throws `MalformedError`. */
export function readMessage(from: ByteReader, ends: Ends): Message {
  const kind = readChoice(from, messageKinds, 'message kind');
  const envelope = { from: ends.from, to: ends.to, term: from.varint('term') as Term };
  const message = readBody(from, kind, envelope);
  from.end(kind);
  return message;
}

type EnvelopeFields = Ends & { readonly term: Term };

function readBody(from: ByteReader, kind: Message['kind'], { from: sender, to, term }: EnvelopeFields): Message {
  switch (kind) {
    case 'requestVote':
      return {
        kind,
        from: sender,
        to,
        term,
        phase: readChoice(from, phases, 'phase'),
        last: readLogId(from, 'last'),
        transfer: from.flag('transfer'),
      };
    case 'requestVoteReply':
      return { kind, from: sender, to, term, phase: readChoice(from, phases, 'phase'), granted: from.flag('granted') };
    case 'appendEntries': {
      const round = from.varint('round');
      const prev = readLogId(from, 'prev');
      const commit = from.varint('commit') as Index;
      return { kind, from: sender, to, term, prev, entries: readEntries(from, prev), commit, round };
    }
    case 'appendEntriesReply':
      return { kind, from: sender, to, term, round: from.varint('round'), outcome: readOutcome(from) };
    case 'installSnapshot': {
      const round = from.varint('round');
      return { kind, from: sender, to, term, snapshot: readSnapshotMeta(from), round };
    }
    case 'readIndex':
      return { kind, from: sender, to, term, readId: from.varint('read id') };
    case 'readIndexReply':
      return {
        kind,
        from: sender,
        to,
        term,
        readId: from.varint('read id'),
        index: readOptional<Index>(from, 'read index'),
      };
    case 'timeoutNow':
      return { kind, from: sender, to, term };
    default:
      return unreachable(kind);
  }
}

function writeEntries(out: ByteWriter, prev: Index, entries: readonly Entry[]): void {
  out.varint(entries.length);
  entries.forEach((entry, at) => {
    if (entry.index !== prev + 1 + at) {
      throw new RangeError(`entry ${entry.index} stands where ${prev + 1 + at} belongs`);
    }
    out.u8(entryKinds.indexOf(entry.kind));
    out.varint(entry.term);
    if (entry.kind === 'command') out.blob(entry.data);
    else if (entry.kind === 'configuration') writeConfiguration(out, entry.configuration);
  });
}

function readEntries(from: ByteReader, prev: LogId): readonly Entry[] {
  const count = from.varint('entry count');
  if (count > from.left) throw new MalformedError(`${count} entries announced in ${from.left} bytes`);
  if (prev.index + count > Number.MAX_SAFE_INTEGER) throw new MalformedError('entry index: a number above 2^53');
  const entries: Entry[] = [];
  let term = prev.term;
  for (let at = 1; at <= count; at++) {
    const kind = readChoice(from, entryKinds, 'entry kind');
    const entryTerm = from.varint('entry term') as Term;
    // §5.3: terms in a log never fall.
    if (entryTerm < term) throw new MalformedError(`term ${entryTerm} of an entry follows term ${term}`);
    term = entryTerm;
    const index = (prev.index + at) as Index;
    if (kind === 'command') entries.push({ kind, term, index, data: from.blob('command') });
    else if (kind === 'configuration') entries.push({ kind, term, index, configuration: readConfiguration(from) });
    else entries.push({ kind, term, index });
  }
  return entries;
}

function writeOutcome(out: ByteWriter, outcome: AppendOutcome): void {
  out.u8(outcomes.indexOf(outcome.kind));
  if (outcome.kind === 'matched') {
    out.varint(outcome.match);
    return;
  }
  out.varint(outcome.rejected);
  writeOptional(out, outcome.conflictTerm);
  out.varint(outcome.tryIndex);
}

function readOutcome(from: ByteReader): AppendOutcome {
  const kind = readChoice(from, outcomes, 'outcome');
  if (kind === 'matched') return { kind, match: from.varint('match') as Index };
  return {
    kind,
    rejected: from.varint('rejected') as Index,
    conflictTerm: readOptional<Term>(from, 'conflict term'),
    tryIndex: from.varint('try index') as Index,
  };
}

export function writeSnapshotMeta(out: ByteWriter, meta: SnapshotMeta): void {
  writeLogId(out, meta.last);
  writeConfiguration(out, meta.configuration);
}

export function readSnapshotMeta(from: ByteReader): SnapshotMeta {
  return { last: readLogId(from, 'last'), configuration: readConfiguration(from) };
}

function writeLogId(out: ByteWriter, id: LogId): void {
  out.varint(id.term);
  out.varint(id.index);
}

function readLogId(from: ByteReader, what: string): LogId {
  return { term: from.varint(`${what} term`) as Term, index: from.varint(`${what} index`) as Index };
}

function writeConfiguration(out: ByteWriter, configuration: Configuration): void {
  for (const ids of [configuration.voters, configuration.outgoing, configuration.learners]) {
    out.varint(ids.length);
    for (const id of ids) out.text(id);
  }
  out.varint(configuration.addresses.length);
  for (const [id, address] of configuration.addresses) {
    out.text(id);
    out.blob(address);
  }
}

function readConfiguration(from: ByteReader): Configuration {
  return {
    voters: readSorted(from, 'voters', readId, (id) => id),
    outgoing: readSorted(from, 'outgoing voters', readId, (id) => id),
    learners: readSorted(from, 'learners', readId, (id) => id),
    // Addresses are kept as long as the configuration is: a copy of their own, not a view that pins the whole frame.
    addresses: readSorted(
      from,
      'addresses',
      () => [readId(from), from.blob('address').slice()] as const,
      ([id]) => id,
    ),
  };
}

function readId(from: ByteReader): NodeId {
  return from.text('member id') as NodeId;
}

function readSorted<T>(
  from: ByteReader,
  what: string,
  read: (from: ByteReader) => T,
  idOf: (item: T) => NodeId,
): readonly T[] {
  const count = from.varint(what);
  if (count > from.left) throw new MalformedError(`${what}: ${count} announced in ${from.left} bytes`);
  const items: T[] = [];
  let previous: NodeId | undefined;
  for (let at = 0; at < count; at++) {
    const item = read(from);
    const id = idOf(item);
    if (previous !== undefined && id <= previous) throw new MalformedError(`${what}: not sorted by member id`);
    previous = id;
    items.push(item);
  }
  return items;
}

function writeOptional(out: ByteWriter, value: number | undefined): void {
  out.flag(value !== undefined);
  if (value !== undefined) out.varint(value);
}

function readOptional<T extends number>(from: ByteReader, what: string): T | undefined {
  return from.flag(what) ? (from.varint(what) as T) : undefined;
}

function readChoice<T extends string>(from: ByteReader, choices: readonly T[], what: string): T {
  const number = from.u8(what);
  const choice = choices[number];
  if (choice === undefined) throw new MalformedError(`${what}: ${number} is unknown`);
  return choice;
}

function unreachable(value: never): never {
  throw new Error(`not a message: ${String(value)}`);
}
