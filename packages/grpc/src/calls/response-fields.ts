// The header fields of answers. Those that are the same for every call are the same objects, which are encoded once.

import { HeaderField } from '../hpack/header-field.ts';
import { encodeGrpcMessage } from './grpc-message.ts';
import { base64 } from './metadata.ts';
import type { Status } from './status.ts';

const status200 = new HeaderField(':status', '200');
const contentType = new HeaderField('content-type', 'application/grpc');
const gzip = new HeaderField('grpc-encoding', 'gzip');
const encodings = new HeaderField('grpc-accept-encoding', 'identity,gzip');

export const plainHead: readonly HeaderField[] = [status200, contentType];
export const gzipHead: readonly HeaderField[] = [status200, contentType, gzip, encodings];
export const okTrailers: readonly HeaderField[] = [new HeaderField('grpc-status', '0')];

/** For a client whose `grpc-encoding` nobody here understands. */
export const acceptedEncodings: HeaderField = encodings;

export function statusFields({ code, message, details }: Status): readonly HeaderField[] {
  const fields = [new HeaderField('grpc-status', String(code))];
  if (message !== '') fields.push(new HeaderField('grpc-message', encodeGrpcMessage(message)));
  if (details !== undefined) fields.push(new HeaderField('grpc-status-details-bin', base64(details)));
  return fields;
}

export function httpStatusFields(status: number): readonly HeaderField[] {
  return [new HeaderField(':status', String(status))];
}
