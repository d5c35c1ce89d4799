// Who the members are: ids and peer URLs come from the configuration, names and client URLs from what each member has
// published through the log once it served clients (etcd's "publish").

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { MemberSchema } from '@kontiki/etcd-proto';
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

export function encodePublication(name: string, clientUrls: readonly string[]): Uint8Array {
  return toBinary(MemberSchema, create(MemberSchema, { name, clientURLs: [...clientUrls] }));
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
        isLearner: learners.has(node),
      };
    })
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
