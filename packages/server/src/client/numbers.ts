// Numbers as the command line takes and prints them: decimals of 64 bits, and ids in hex as etcdctl writes them.

import { ClientError } from './client-error.ts';

/** 0, which etcd reads as absent, when there is no text. @throws ClientError for what is no int64. */
export function int64(what: string, text: string | undefined): bigint {
  if (text === undefined) return 0n;
  if (!/^-?\d{1,19}$/.test(text) || BigInt.asIntN(64, BigInt(text)) !== BigInt(text)) {
    throw new ClientError(`${what} is "${text}", but must be a whole number of at most 64 bits`);
  }
  return BigInt(text);
}

/** An id of 64 bits, without a sign. @throws ClientError for what is none. */
export function parseId(what: string, text: string): bigint {
  if (!/^[\da-fA-F]{1,16}$/.test(text)) {
    throw new ClientError(`"${text}" is no ${what} id: write the hex digits that were printed for it`);
  }
  return BigInt(`0x${text}`);
}

/** Lease ids are signed in etcd's messages. */
export function parseLeaseId(text: string | undefined): bigint {
  return text === undefined ? 0n : BigInt.asIntN(64, parseId('lease', text));
}

/** Leases are printed with all their digits. */
export function leaseText(id: bigint): string {
  return hex(id).padStart(16, '0');
}

export function hex(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}
