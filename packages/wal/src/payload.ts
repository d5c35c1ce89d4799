// What the frames and snapshot headers carry besides commands: hard state, base, configuration. The format's version
// stands in the file's header, so there is none here.

import type { Configuration, HardState, Index, NodeId, SnapshotMeta, Term } from '@kontiki/raft';
import { ByteReader, ByteWriter } from './bytes.ts';
import { DecodeError } from './errors.ts';

/** What a base record says became of the log before it: `replaced` leaves nothing, `restated` changes nothing. */
export type Manner = 'replaced' | 'keepsTail' | 'restated';
const manners: readonly Manner[] = ['replaced', 'keepsTail', 'restated'];

export const noConfiguration: Configuration = { voters: [], outgoing: [], learners: [], addresses: [] };
export const noHardState: HardState = { term: asTerm(0), votedFor: undefined, commit: asIndex(0) };
export const noBase: SnapshotMeta = { last: { term: asTerm(0), index: asIndex(0) }, configuration: noConfiguration };

export function asTerm(value: number): Term {
  return value as Term;
}

export function asIndex(value: number): Index {
  return value as Index;
}

function asNodeId(value: string): NodeId {
  return value as NodeId;
}

export function encodeVote(hardState: HardState): Uint8Array {
  const { votedFor } = hardState;
  return votedFor === undefined ? new ByteWriter().u8(0).finish() : new ByteWriter().u8(1).text(votedFor).finish();
}

export function decodeVote(payload: Uint8Array): NodeId | undefined {
  const reader = new ByteReader(payload);
  const voted = reader.u8();
  if (voted > 1) throw new DecodeError(`a vote of unknown kind ${voted}`);
  const votedFor = voted === 1 ? asNodeId(reader.text()) : undefined;
  reader.end();
  return votedFor;
}

export function encodeBase(manner: Manner, configuration: Configuration): Uint8Array {
  const writer = new ByteWriter().u8(manners.indexOf(manner));
  writeConfiguration(writer, configuration);
  return writer.finish();
}

export function decodeBase(payload: Uint8Array): { readonly manner: Manner; readonly configuration: Configuration } {
  const reader = new ByteReader(payload);
  const kind = reader.u8();
  const manner = manners[kind];
  if (manner === undefined) throw new DecodeError(`a base of unknown kind ${kind}`);
  const configuration = readConfiguration(reader);
  reader.end();
  return { manner, configuration };
}

export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const writer = new ByteWriter();
  writeConfiguration(writer, configuration);
  return writer.finish();
}

export function decodeConfiguration(payload: Uint8Array): Configuration {
  const reader = new ByteReader(payload);
  const configuration = readConfiguration(reader);
  reader.end();
  return configuration;
}

export function encodeMeta(meta: SnapshotMeta): Uint8Array {
  const writer = new ByteWriter().u64(meta.last.index).u64(meta.last.term);
  writeConfiguration(writer, meta.configuration);
  return writer.finish();
}

export function decodeMeta(payload: Uint8Array): SnapshotMeta {
  const reader = new ByteReader(payload);
  const index = asIndex(reader.u64());
  const term = asTerm(reader.u64());
  const configuration = readConfiguration(reader);
  reader.end();
  return { last: { term, index }, configuration };
}

function writeConfiguration(writer: ByteWriter, configuration: Configuration): void {
  for (const names of [configuration.voters, configuration.outgoing, configuration.learners]) {
    writer.u32(names.length);
    for (const name of names) writer.text(name);
  }
  writer.u32(configuration.addresses.length);
  for (const [name, address] of configuration.addresses) writer.text(name).bytes(address);
}

function readConfiguration(reader: ByteReader): Configuration {
  const names = (): readonly NodeId[] => readList(reader, 4, () => asNodeId(reader.text()));
  return {
    voters: names(),
    outgoing: names(),
    learners: names(),
    addresses: readList(reader, 8, () => [asNodeId(reader.text()), reader.bytes()] as const),
  };
}

/** A count is believed only as far as the bytes behind it could hold that many items. */
function readList<T>(reader: ByteReader, itemBytesMin: number, item: () => T): readonly T[] {
  const count = reader.u32();
  if (count * itemBytesMin > reader.left) throw new DecodeError(`a list of ${count} items in ${reader.left} bytes`);
  return Array.from({ length: count }, item);
}
