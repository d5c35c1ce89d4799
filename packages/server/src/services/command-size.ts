// How long etcd would find a command: it measures not the request but the log entry it makes of it, whose header holds a
// request id that begins with the low bits of the member's id. Clients meet the limit to the byte, so this follows it.

import { varintSize } from './proto-writer.ts';

/** Tag and length of the entry's header, and the tag of the id inside. */
const headerFrameBytes = 4;
/** The tag of the request inside the entry. */
const requestTagBytes = 1;

export function commandBytes(requestBytes: number, memberId: bigint): number {
  const idBytes = varintBytes((memberId & 0xffffn) << 48n);
  return headerFrameBytes + idBytes + requestTagBytes + varintSize(requestBytes) + requestBytes;
}

function varintBytes(value: bigint): number {
  let bytes = 1;
  for (let rest = value; rest >= 128n; rest >>= 7n) bytes++;
  return bytes;
}
