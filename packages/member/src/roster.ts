// Who the members are: ids and peer URLs come from the configuration, names and client URLs from what each member has
// published through the log once it served clients (etcd's "publish").

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { MemberListResponseSchema, MemberSchema } from '@kontiki/etcd-proto';
import type { Configuration, NodeId } from '@kontiki/raft';
import type { MemberRecord } from './api.ts';

/** The 16 hex digits that etcdctl prints, without leading zeros, as etcd writes ids. */
export function nodeIdOf(id: bigint): NodeId {
  return id.toString(16) as NodeId;
}

export function memberIdOf(node: NodeId): bigint {
  return BigInt(`0x${node}`);
}

/** Peer URLs as the opaque address of a configuration: ASCII, one per line. */
export function addressOf(peerUrls: readonly string[]): Uint8Array {
  return Uint8Array.from(peerUrls.join('\n'), (char) => char.charCodeAt(0));
}

export function peerUrlsOf(address: Uint8Array): readonly string[] {
  return address.length === 0 ? [] : String.fromCharCode(...address).split('\n');
}

/** The configuration a new cluster begins with. */
export function firstConfiguration(
  members: readonly { readonly id: bigint; readonly peerUrls: readonly string[] }[],
): Configuration {
  const addresses = members
    .map(({ id, peerUrls }) => [nodeIdOf(id), addressOf(peerUrls)] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { voters: addresses.map(([id]) => id), outgoing: [], learners: [], addresses };
}

/** The replicated record under which a member publishes itself. */
export function recordName(id: bigint): string {
  return `member/${nodeIdOf(id)}`;
}

/** The replicated record of a member that is a voter to clients and a learner in the configuration until it has caught up. */
export function joiningName(id: bigint): string {
  return `joining/${nodeIdOf(id)}`;
}

/** The replicated record of members that were removed, the last of them: eight bytes each, newest last. */
export const removedName = 'removed';
const removedMax = 4096;

export function decodeRemoved(record: Uint8Array | undefined): readonly bigint[] {
  if (record === undefined) return [];
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  return Array.from({ length: Math.floor(record.length / 8) }, (_, at) => view.getBigUint64(8 * at));
}

/** `ids` are newer than those in the record. */
export function withRemoved(record: Uint8Array | undefined, ids: readonly bigint[]): Uint8Array {
  const known = decodeRemoved(record);
  const all = [...known, ...ids.filter((id) => !known.includes(id))].slice(-removedMax);
  const view = new DataView(new ArrayBuffer(8 * all.length));
  all.forEach((id, at) => {
    view.setBigUint64(8 * at, id);
  });
  return new Uint8Array(view.buffer);
}

/** A publication of a member that has not published anything: the record is there, and says nothing. */
export function encodeUnpublished(id: bigint): Uint8Array {
  return toBinary(MemberSchema, create(MemberSchema, { ID: id }));
}

export function encodePublication(name: string, clientUrls: readonly string[]): Uint8Array {
  return toBinary(MemberSchema, create(MemberSchema, { name, clientURLs: [...clientUrls] }));
}

/** Who the members are, as one of them tells it to others. */
export function encodeMembers(clusterId: bigint, members: readonly MemberRecord[]): Uint8Array {
  const rows = members.map(({ id, name, peerUrls, clientUrls, isLearner }) => ({
    ID: id,
    name,
    peerURLs: [...peerUrls],
    clientURLs: [...clientUrls],
    isLearner,
  }));
  return toBinary(MemberListResponseSchema, create(MemberListResponseSchema, { header: { clusterId }, members: rows }));
}

/** `undefined` when the bytes are no such list. */
export function decodeMembers(
  bytes: Uint8Array,
): { readonly clusterId: bigint; readonly members: readonly MemberRecord[] } | undefined {
  try {
    const { header, members } = fromBinary(MemberListResponseSchema, bytes);
    return {
      clusterId: header?.clusterId ?? 0n,
      members: members.map(({ ID, name, peerURLs, clientURLs, isLearner }) => ({
        id: ID,
        name,
        peerUrls: peerURLs,
        clientUrls: clientURLs,
        isLearner,
      })),
    };
  } catch {
    return undefined;
  }
}

export function roster(
  configuration: Configuration,
  record: (name: string) => Uint8Array | undefined,
): readonly MemberRecord[] {
  const learners = new Set(configuration.learners);
  const addresses = new Map(configuration.addresses);
  const ids = new Set([...configuration.voters, ...configuration.outgoing, ...configuration.learners]);
  return [...ids]
    .map((node): MemberRecord => {
      const id = memberIdOf(node);
      const published = record(recordName(id));
      const { name, clientURLs } =
        published === undefined ? { name: '', clientURLs: [] } : fromBinary(MemberSchema, published);
      const address = addresses.get(node);
      return {
        id,
        name,
        peerUrls: address === undefined ? [] : peerUrlsOf(address),
        clientUrls: clientURLs,
        isLearner: learners.has(node) && record(joiningName(id)) === undefined,
      };
    })
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
