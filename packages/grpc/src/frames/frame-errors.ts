// RFC 9113 §5.4: what a peer does wrong ends its connection, or one stream of it. Thrown where it is noticed, caught in one
// place of the connection.

import type { ErrorCode } from './frame.ts';

/** §5.4.1: GOAWAY with the code, then the connection is closed. */
export class ConnectionError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'ConnectionError';
    this.code = code;
  }
}

/** §5.4.2: RST_STREAM with the code; the connection goes on. */
export class StreamError extends Error {
  readonly streamId: number;
  readonly code: ErrorCode;

  constructor(streamId: number, code: ErrorCode, message: string) {
    super(message);
    this.name = 'StreamError';
    this.streamId = streamId;
    this.code = code;
  }
}
