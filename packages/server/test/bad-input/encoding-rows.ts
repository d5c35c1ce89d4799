// Rows about bytes: how many, what they say, and where they are sent.

import { create, toBinary } from '@bufbuild/protobuf';
import { PutRequestSchema } from '@kontiki/etcd-proto';
import { commandBytes } from '../../src/services/command-size.ts';
import { key, type Row, raw } from './row.ts';
import type { Wire } from './wire.ts';

const requestBytesMax = 1_572_864;
const messageBytesMax = requestBytesMax + 512 * 1024;
const tooLarge = '3 etcdserver: request is too large';
const unreadable = /^13 grpc: error unmarshalling request: /;
/** etcd before 3.5 leaves the colon out. */
const unreadableOnStream = /^13 grpc: failed to unmarshal the received message:? /;

/** A put whose message is `size` bytes long, filled up in its key or its value. */
function putOfSize(size: number, filled: 'key' | 'value'): Uint8Array {
  // Lengths are written in as many bytes as they need, so no formula hits every size.
  for (const short of [key, Buffer.from('kk')]) {
    for (let length = size - 12; length < size; length++) {
      const long = new Uint8Array(length).fill(0x78);
      const fields = filled === 'key' ? { key: long } : { key: short, value: long };
      const message = toBinary(PutRequestSchema, create(PutRequestSchema, fields));
      if (message.length === size) return message;
    }
  }
  throw new Error(`no put is ${size} bytes long`);
}

/** etcd measures what it writes to its log, which depends on the id of the member that writes it. */
async function largestRequest(wire: Wire): Promise<number> {
  const memberId = await wire.memberId();
  let size = requestBytesMax;
  while (commandBytes(size, memberId) > requestBytesMax) size--;
  return size;
}

function fitting(title: string, filled: 'key' | 'value', more: number, answer: string): Row {
  const send = async (wire: Wire): Promise<string> => {
    const sent = await wire.call('/etcdserverpb.KV/Put', putOfSize((await largestRequest(wire)) + more, filled));
    return sent.kind === 'ok' ? 'ok' : sent.text;
  };
  return { title, send, answer };
}

const sent = (hex: string, title: string, answer: string | RegExp, path = 'KV/Put'): Row =>
  raw(title, `/etcdserverpb.${path}`, Buffer.from(hex.replaceAll(' ', ''), 'hex'), answer);

export const encodingRows: readonly Row[] = [
  fitting('a value that fits to the byte', 'value', 0, 'ok'),
  fitting('a value one byte too long', 'value', 1, tooLarge),
  fitting('a key that fits to the byte', 'key', 0, 'ok'),
  fitting('a key one byte too long', 'key', 1, tooLarge),
  raw('a message of 2 MiB', '/etcdserverpb.KV/Put', putOfSize(messageBytesMax, 'value'), tooLarge),
  raw(
    'a message one byte longer',
    '/etcdserverpb.KV/Put',
    putOfSize(messageBytesMax + 1, 'value'),
    `8 grpc: received message larger than max (${messageBytesMax + 1} vs. ${messageBytesMax})`,
  ),

  sent('0a 7f 61', 'bytes that end inside a field', unreadable),
  sent('ff ff', 'bytes that end inside a tag', unreadable),
  sent('0a 01 61 00', 'field number zero', unreadable),
  sent('0a 01 61 18 ff ff ff ff ff ff ff ff ff ff 01', 'a varint of eleven bytes', unreadable),
  sent('0a 01 61 0e', 'a wire type that does not exist', unreadable),
  sent('0a 01 61 1a 01 01', 'a lease of the wrong wire type', unreadable),
  // Who passes over the wire type reads the put of a key here.
  sent('08 01 61', 'a key of the wrong wire type', unreadable),
  sent('12 07 12 05 08 01 61 10 00', 'a key of the wrong wire type in a txn', unreadable, 'KV/Txn'),
  sent('0a 01 61 a0 06 01', 'a field that nobody knows', 'ok'),
  sent('ff ff', 'bytes that are no watch', unreadableOnStream, 'Watch/Watch'),
  sent('08 01 00', 'a watch of the wrong wire type', unreadableOnStream, 'Watch/Watch'),
  sent('ff', 'bytes that are no keep-alive', unreadableOnStream, 'Lease/LeaseKeepAlive'),
  sent('ff', 'bytes that ask for no backup', unreadableOnStream, 'Maintenance/Snapshot'),

  raw('an unknown method', '/etcdserverpb.KV/Nope', key, '12 unknown method Nope for service etcdserverpb.KV'),
  raw('an unknown service', '/no.Such/Thing', key, '12 unknown service no.Such'),
  raw('a path of one word', '/word', key, '12 malformed method name: "/word"', '8 malformed method name: "/word"'),
];
