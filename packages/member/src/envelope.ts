// The command envelope: what a log entry's bytes are, a disk format from the first day (architecture, "The member").
// It carries what the proposer chose, so that applying it looks at nothing local; the client's request travels as its own
// bytes. docs/wal-format.md has the layout.
//
//   version u8 | kind u8 | member u64 | boot u64 | sequence u64 | user length u16, user | auth revision u64 | kind's own part
//
// All numbers are little-endian.

/** Who proposed, and which of its proposals this is: names a command once and for all. */
export interface Origin {
  readonly member: bigint;
  /** Counts the starts of that member's process. */
  readonly boot: number;
  readonly sequence: number;
}

export type RequestKind = 'put' | 'deleteRange' | 'txn' | 'compact' | 'leaseRevoke';

export type EnvelopeBody =
  | { readonly kind: RequestKind; readonly request: Uint8Array }
  | { readonly kind: 'leaseGrant'; readonly id: bigint; readonly ttl: number }
  /** The leader of `term` found this lease expired; void in an entry of any other term, so that no deposed leader expires one. */
  | { readonly kind: 'leaseExpire'; readonly term: number; readonly id: bigint }
  | { readonly kind: 'setRecord'; readonly name: string; readonly value: Uint8Array };

export type Envelope = {
  readonly origin: Origin;
  /** Empty while authentication is absent. */
  readonly user: string;
  readonly authRevision: number;
} & EnvelopeBody;

/** A command that this version cannot read. Going on without it would let members differ, so the node stops. */
export class EnvelopeError extends Error {
  readonly code = 'ENVELOPE_UNREADABLE';
  constructor(reason: string) {
    super(`a committed command cannot be read: ${reason}; run the version that wrote it, or a newer one`);
    this.name = 'EnvelopeError';
  }
}

const version = 1;
const kinds = [
  'put',
  'deleteRange',
  'txn',
  'compact',
  'leaseRevoke',
  'leaseGrant',
  'leaseExpire',
  'setRecord',
] as const;
const fixedBytes = 1 + 1 + 8 + 8 + 8 + 2 + 8;

export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const user = latin1Bytes(envelope.user);
  const bytes = new Uint8Array(fixedBytes + user.length + bodyBytes(envelope));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, version);
  view.setUint8(1, kinds.indexOf(envelope.kind));
  view.setBigUint64(2, envelope.origin.member, true);
  view.setBigUint64(10, BigInt(envelope.origin.boot), true);
  view.setBigUint64(18, BigInt(envelope.origin.sequence), true);
  view.setUint16(26, user.length, true);
  bytes.set(user, 28);
  let at = 28 + user.length;
  view.setBigUint64(at, BigInt(envelope.authRevision), true);
  at += 8;
  switch (envelope.kind) {
    case 'leaseGrant':
      view.setBigInt64(at, envelope.id, true);
      view.setBigUint64(at + 8, BigInt(envelope.ttl), true);
      break;
    case 'leaseExpire':
      view.setBigInt64(at, envelope.id, true);
      view.setBigUint64(at + 8, BigInt(envelope.term), true);
      break;
    case 'setRecord':
      view.setUint16(at, envelope.name.length, true);
      bytes.set(latin1Bytes(envelope.name), at + 2);
      bytes.set(envelope.value, at + 2 + envelope.name.length);
      break;
    default:
      bytes.set(envelope.request, at);
  }
  return bytes;
}

/** @throws EnvelopeError when version or kind is unknown or the bytes end too early. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length < fixedBytes) throw new EnvelopeError(`it has ${bytes.length} bytes, fewer than its fixed part`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(0) !== version) throw new EnvelopeError(`its version is ${view.getUint8(0)}, this is ${version}`);
  const kind = kinds[view.getUint8(1)];
  if (kind === undefined) throw new EnvelopeError(`its kind ${view.getUint8(1)} is unknown`);
  const userBytes = view.getUint16(26, true);
  if (bytes.length < fixedBytes + userBytes) throw new EnvelopeError('it ends inside the user name');
  const at = fixedBytes + userBytes;
  // What is common stands last: V8 gives a copy that is added to a shape of its own, and all that read it are slow.
  const common = {
    origin: {
      member: view.getBigUint64(2, true),
      boot: safe(view.getBigUint64(10, true)),
      sequence: safe(view.getBigUint64(18, true)),
    },
    user: latin1Text(bytes.subarray(28, 28 + userBytes)),
    authRevision: safe(view.getBigUint64(28 + userBytes, true)),
  };
  const left = bytes.length - at;
  switch (kind) {
    case 'leaseGrant':
      if (left !== 16) throw new EnvelopeError(`a lease grant has 16 bytes, this has ${left}`);
      return { kind, id: view.getBigInt64(at, true), ttl: safe(view.getBigUint64(at + 8, true)), ...common };
    case 'leaseExpire':
      if (left !== 16) throw new EnvelopeError(`a lease expiry has 16 bytes, this has ${left}`);
      return { kind, id: view.getBigInt64(at, true), term: safe(view.getBigUint64(at + 8, true)), ...common };
    case 'setRecord': {
      const nameBytes = left >= 2 ? view.getUint16(at, true) : left;
      if (left < 2 + nameBytes) throw new EnvelopeError('a record ends inside its name');
      const name = latin1Text(bytes.subarray(at + 2, at + 2 + nameBytes));
      return { kind, name, value: bytes.subarray(at + 2 + nameBytes), ...common };
    }
    default:
      return { kind, request: bytes.subarray(at), ...common };
  }
}

/** Whether the command grants or ends a lease, without reading the rest of it. */
export function isOfLease(bytes: Uint8Array): boolean {
  const kind = kinds[bytes[1] ?? kinds.length];
  return kind === 'leaseGrant' || kind === 'leaseRevoke';
}

function bodyBytes(envelope: Envelope): number {
  switch (envelope.kind) {
    case 'leaseGrant':
    case 'leaseExpire':
      return 16;
    case 'setRecord':
      return 2 + envelope.name.length + envelope.value.length;
    default:
      return envelope.request.length;
  }
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new EnvelopeError(`${value} is beyond 2^53`);
  return Number(value);
}

function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function latin1Text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
