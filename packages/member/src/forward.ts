// What members ask each other beside Raft: to propose a command, to renew a lease, to tell about one. One request, one
// reply, little-endian; the transport bounds and delivers them. The codec proves their shape.

/** `accepted` names the entry the command became; whether it is ever committed, the asker learns from its own log. */
export type ForwardRequest =
  | { readonly kind: 'propose'; readonly envelope: Uint8Array }
  | { readonly kind: 'keepAlive'; readonly lease: bigint }
  | { readonly kind: 'timeToLive'; readonly lease: bigint };

export type ForwardReply =
  | { readonly kind: 'accepted'; readonly term: number; readonly index: number }
  /** Nothing was done here; unless it is too large for the log here, ask again, perhaps elsewhere. */
  | { readonly kind: 'refused'; readonly reason: 'notLeader' | 'overloaded' | 'tooLarge' }
  /** Seconds; `ttl` 0 or -1 when there is no such lease, as etcd answers the two questions. */
  | { readonly kind: 'lease'; readonly ttl: number; readonly grantedTtl: number };

const requestKinds = ['propose', 'keepAlive', 'timeToLive'] as const;
const replyKinds = ['accepted', 'refused', 'lease'] as const;
const reasons = ['notLeader', 'overloaded', 'tooLarge'] as const;

export function encodeForwardRequest(request: ForwardRequest): Uint8Array {
  const tag = requestKinds.indexOf(request.kind);
  if (request.kind === 'propose') {
    const bytes = new Uint8Array(1 + request.envelope.length);
    bytes[0] = tag;
    bytes.set(request.envelope, 1);
    return bytes;
  }
  const bytes = new Uint8Array(9);
  bytes[0] = tag;
  new DataView(bytes.buffer).setBigInt64(1, request.lease, true);
  return bytes;
}

/** `undefined` when the bytes are none of ours. */
export function decodeForwardRequest(bytes: Uint8Array): ForwardRequest | undefined {
  const kind = requestKinds[bytes[0] ?? requestKinds.length];
  if (kind === undefined) return undefined;
  if (kind === 'propose') return { kind, envelope: bytes.subarray(1) };
  if (bytes.length !== 9) return undefined;
  return { kind, lease: new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(1, true) };
}

export function encodeForwardReply(reply: ForwardReply): Uint8Array {
  const bytes = new Uint8Array(reply.kind === 'refused' ? 2 : 17);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, replyKinds.indexOf(reply.kind));
  switch (reply.kind) {
    case 'accepted':
      view.setFloat64(1, reply.term, true);
      view.setFloat64(9, reply.index, true);
      break;
    case 'refused':
      view.setUint8(1, reasons.indexOf(reply.reason));
      break;
    case 'lease':
      view.setFloat64(1, reply.ttl, true);
      view.setFloat64(9, reply.grantedTtl, true);
      break;
  }
  return bytes;
}

/** `undefined` when the bytes are none of ours. Numbers are safe integers or the reply is none. */
export function decodeForwardReply(bytes: Uint8Array): ForwardReply | undefined {
  const kind = replyKinds[bytes[0] ?? replyKinds.length];
  if (kind === undefined) return undefined;
  if (kind === 'refused') {
    const reason = reasons[bytes[1] ?? reasons.length];
    return reason === undefined ? undefined : { kind, reason };
  }
  if (bytes.length !== 17) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const first = view.getFloat64(1, true);
  const second = view.getFloat64(9, true);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second)) return undefined;
  return kind === 'accepted' ? { kind, term: first, index: second } : { kind, ttl: first, grantedTtl: second };
}
