// What members ask each other beside Raft: to propose a command, to renew a lease, to tell about one, to change the
// membership. One request, one reply, little-endian; the transport bounds and delivers them. The codec proves their shape.

import { type ChangeRefusal, changeRefusals, type MembershipChange } from './api.ts';
import { addressOf, peerUrlsOf } from './roster.ts';

/** `accepted` names the entry the command became; whether it is ever committed, the asker learns from its own log. */
export type ForwardRequest =
  | { readonly kind: 'propose'; readonly envelope: Uint8Array }
  | { readonly kind: 'keepAlive'; readonly lease: bigint }
  | { readonly kind: 'timeToLive'; readonly lease: bigint }
  | { readonly kind: 'change'; readonly change: MembershipChange };

export type ForwardReply =
  | { readonly kind: 'accepted'; readonly term: number; readonly index: number }
  /** Nothing was done here; unless it is too large for the log here, ask again, perhaps elsewhere. */
  | { readonly kind: 'refused'; readonly reason: 'notLeader' | 'overloaded' | 'tooLarge' }
  /** Seconds; `ttl` 0 or -1 when there is no such lease, as etcd answers the two questions. */
  | { readonly kind: 'lease'; readonly ttl: number; readonly grantedTtl: number }
  /** The members after a change, as `encodeMembers` writes them. */
  | { readonly kind: 'members'; readonly members: Uint8Array }
  | { readonly kind: 'changeRefused'; readonly reason: ChangeRefusal }
  /** The change was begun here; what became of it, this member does not know. */
  | { readonly kind: 'changeUnknown' };

const requestKinds = ['propose', 'keepAlive', 'timeToLive', 'change'] as const;
const replyKinds = ['accepted', 'refused', 'lease', 'members', 'changeRefused', 'changeUnknown'] as const;
const changeKinds = ['add', 'remove', 'update', 'promote'] as const;
const reasons = ['notLeader', 'overloaded', 'tooLarge'] as const;

export function encodeForwardRequest(request: ForwardRequest): Uint8Array {
  const tag = requestKinds.indexOf(request.kind);
  if (request.kind === 'propose') return tagged(tag, request.envelope);
  if (request.kind === 'change') return tagged(tag, encodeChange(request.change));
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
  if (kind === 'change') {
    const change = decodeChange(bytes.subarray(1));
    return change === undefined ? undefined : { kind, change };
  }
  if (bytes.length !== 9) return undefined;
  return { kind, lease: new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(1, true) };
}

export function encodeForwardReply(reply: ForwardReply): Uint8Array {
  const tag = replyKinds.indexOf(reply.kind);
  switch (reply.kind) {
    case 'accepted':
      return numbers(tag, reply.term, reply.index);
    case 'refused':
      return Uint8Array.of(tag, reasons.indexOf(reply.reason));
    case 'lease':
      return numbers(tag, reply.ttl, reply.grantedTtl);
    case 'members':
      return tagged(tag, reply.members);
    case 'changeRefused':
      return Uint8Array.of(tag, changeRefusals.indexOf(reply.reason));
    case 'changeUnknown':
      return Uint8Array.of(tag);
  }
}

function numbers(tag: number, first: number, second: number): Uint8Array {
  const bytes = new Uint8Array(17);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, tag);
  view.setFloat64(1, first, true);
  view.setFloat64(9, second, true);
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
  if (kind === 'members') return { kind, members: bytes.subarray(1) };
  if (kind === 'changeUnknown') return { kind };
  if (kind === 'changeRefused') {
    const reason = changeRefusals[bytes[1] ?? changeRefusals.length];
    return reason === undefined ? undefined : { kind, reason };
  }
  if (bytes.length !== 17) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const first = view.getFloat64(1, true);
  const second = view.getFloat64(9, true);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second)) return undefined;
  return kind === 'accepted' ? { kind, term: first, index: second } : { kind, ttl: first, grantedTtl: second };
}

function tagged(tag: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = tag;
  bytes.set(body, 1);
  return bytes;
}

/** kind u8 | learner u8 | id u64 | peer URLs as in an address */
function encodeChange(change: MembershipChange): Uint8Array {
  const urls = 'peerUrls' in change ? addressOf(change.peerUrls) : new Uint8Array(0);
  const bytes = new Uint8Array(10 + urls.length);
  bytes[0] = changeKinds.indexOf(change.kind);
  bytes[1] = change.kind === 'add' && change.isLearner ? 1 : 0;
  new DataView(bytes.buffer).setBigUint64(2, change.id, true);
  bytes.set(urls, 10);
  return bytes;
}

function decodeChange(bytes: Uint8Array): MembershipChange | undefined {
  if (bytes.length < 10) return undefined;
  const kind = changeKinds[bytes[0] ?? changeKinds.length];
  const id = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(2, true);
  const peerUrls = peerUrlsOf(bytes.subarray(10));
  switch (kind) {
    case 'add':
      return { kind, id, peerUrls, isLearner: bytes[1] === 1 };
    case 'update':
      return { kind, id, peerUrls };
    case 'remove':
    case 'promote':
      return { kind, id };
    default:
      return undefined;
  }
}
