// One thing that a client may ask wrongly, with what etcd answers. The same rows go to our server and to a real etcd, so that
// the texts are known to be etcd's and not only thought to be.

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  CompactionRequestSchema,
  DeleteRangeRequestSchema,
  PutRequestSchema,
  RangeRequestSchema,
  type RequestOp,
  RequestOpSchema,
  TxnRequestSchema,
} from '@kontiki/etcd-proto';
import type { Wire } from './wire.ts';

export interface Row {
  readonly title: string;
  /** `ok`, `CODE text`, or what a stream said. */
  readonly send: (wire: Wire) => Promise<string>;
  readonly answer: string | RegExp;
  /** Where Debian's etcd 3.4.23 answers otherwise; docs/etcd-api.md says why. */
  readonly old?: string | RegExp;
}

/** What stands before the rows: `there` was written at revisions 2, 3 and 4, and what is before 3 is compacted. */
export async function prepare(wire: Wire): Promise<void> {
  for (const value of ['1', '2', '3']) await wire.put('there', value);
  await wire.send('KV/Compact', CompactionRequestSchema, { revision: 3n });
}

export const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
export const key: Uint8Array = bytes('k');

export const int64Max: bigint = 2n ** 63n - 1n;
export const int64Min: bigint = -(2n ** 63n);

export const compacted = '11 etcdserver: mvcc: required revision has been compacted';
export const future = '11 etcdserver: mvcc: required revision is a future revision';
export const tooManyOperations = '3 etcdserver: too many operations in txn request';

export function unary<Schema extends DescMessage>(
  title: string,
  path: string,
  schema: Schema,
  fields: MessageInitShape<Schema>,
  answer: string | RegExp,
  old?: string | RegExp,
): Row {
  return { title, send: (wire) => wire.send(path, schema, fields), answer, ...(old === undefined ? {} : { old }) };
}

export function range(
  title: string,
  fields: MessageInitShape<typeof RangeRequestSchema>,
  answer: string,
  old?: string,
): Row {
  return unary(title, 'KV/Range', RangeRequestSchema, fields, answer, old);
}

export function put(title: string, fields: MessageInitShape<typeof PutRequestSchema>, answer: string): Row {
  return unary(title, 'KV/Put', PutRequestSchema, fields, answer);
}

export function txn(title: string, fields: MessageInitShape<typeof TxnRequestSchema>, answer: string): Row {
  return unary(title, 'KV/Txn', TxnRequestSchema, fields, answer);
}

/** Any bytes, to any path. */
export function raw(title: string, path: string, message: Uint8Array, answer: string | RegExp, old?: string): Row {
  const send = async (wire: Wire): Promise<string> => {
    const sent = await wire.call(path, message);
    return sent.kind === 'ok' ? 'ok' : sent.text;
  };
  return { title, send, answer, ...(old === undefined ? {} : { old }) };
}

/** Sends one message on a stream and tells of as many answers as are expected, or of the refusal. */
export function stream<Request extends DescMessage, Response extends DescMessage>(
  title: string,
  path: string,
  [request, response]: readonly [Request, Response],
  fields: MessageInitShape<Request>,
  tell: (answer: MessageShape<Response>) => string,
  answer: string,
  old?: string,
): Row {
  const send = async (wire: Wire): Promise<string> => {
    const message = toBinary(request, create(request, fields));
    const counts = [answer, old ?? ''].map((text) => text.split(' / ').length);
    const told: string[] = [];
    await wire.exchange(`/etcdserverpb.${path}`, message, (one) => {
      const word = typeof one === 'string' ? one : tell(fromBinary(response, one));
      told.push(word);
      return told.length === Math.max(...counts) || word.includes('canceled');
    });
    return told.join(' / ');
  };
  return { title, send, answer, ...(old === undefined ? {} : { old }) };
}

export function operation(request: RequestOp['request']): RequestOp {
  return create(RequestOpSchema, { request });
}

export function putOp(name: string, fields: MessageInitShape<typeof PutRequestSchema> = {}): RequestOp {
  return operation({ case: 'requestPut', value: create(PutRequestSchema, { key: bytes(name), ...fields }) });
}

export function delOp(from: string, to = ''): RequestOp {
  const value = create(DeleteRangeRequestSchema, { key: bytes(from), rangeEnd: bytes(to) });
  return operation({ case: 'requestDeleteRange', value });
}

export function rangeOp(name: string, revision = 0n): RequestOp {
  return operation({ case: 'requestRange', value: create(RangeRequestSchema, { key: bytes(name), revision }) });
}

export function txnOp(fields: MessageInitShape<typeof TxnRequestSchema>): RequestOp {
  return operation({ case: 'requestTxn', value: create(TxnRequestSchema, fields) });
}
