// Who a member is, derived from the flags alone and exactly as etcd derives it: equal flags give equal ids.

import { createHash } from 'node:crypto';

/** The first eight bytes of SHA-1 over the sorted peer URLs and the cluster token. */
export function memberIdOf(peerUrls: readonly string[], token: string): bigint {
  const hash = createHash('sha1');
  for (const url of [...peerUrls].sort(byText)) hash.update(url);
  return hash.update(token).digest().readBigUInt64BE(0);
}

/** The first eight bytes of SHA-1 over the sorted ids of the first members. */
export function clusterIdOf(memberIds: readonly bigint[]): bigint {
  const bytes = Buffer.alloc(8 * memberIds.length);
  [...memberIds]
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .forEach((id, i) => {
      bytes.writeBigUInt64BE(id, 8 * i);
    });
  return createHash('sha1').update(bytes).digest().readBigUInt64BE(0);
}

/** As etcd and etcdctl print ids. */
export function hexId(id: bigint): string {
  return id.toString(16);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
