// How a call ended: by the header fields that say so, or without any.

import { type ClientHttp2Session, constants, type IncomingHttpHeaders } from 'node:http2';
import { type GrpcCode, grpcCode } from '@kontiki/grpc';

export interface EndOfCall {
  readonly code: GrpcCode;
  readonly message: string;
}

const codes = Object.values(grpcCode);

/** What trailers say of the end, or an answer that is nothing but its head; `undefined` when that is nothing. */
export function statusOf(fields: IncomingHttpHeaders): EndOfCall | undefined {
  const code = fields['grpc-status'];
  if (typeof code === 'string') {
    const known = codes.find((one) => one === Number(code)) ?? grpcCode.unknown;
    return { code: known, message: decoded(String(fields['grpc-message'] ?? '')) };
  }
  const httpStatus = fields[constants.HTTP2_HEADER_STATUS] ?? 200;
  return httpStatus === 200 ? undefined : { code: grpcCode.unknown, message: `HTTP status ${httpStatus}` };
}

/** A call that ended without a word, by its RST_STREAM or with its connection. */
export function silentEnd(resetCode: number | undefined, session: ClientHttp2Session): EndOfCall {
  if (session.closed || session.destroyed || resetCode === constants.NGHTTP2_REFUSED_STREAM) {
    return { code: grpcCode.unavailable, message: 'the connection was lost' };
  }
  const isReset = resetCode !== undefined && resetCode !== constants.NGHTTP2_NO_ERROR;
  const message = isReset ? `the server reset the call with code ${resetCode}` : 'the answer ends without a status';
  return { code: grpcCode.internal, message };
}

/** Percent-encoded UTF-8, as gRPC sends texts; as it is, where it is not. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
