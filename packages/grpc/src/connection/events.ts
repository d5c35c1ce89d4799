// What a connection tells whoever counts or logs.

import type { ErrorCode } from '../frames/frame.ts';

export type ConnectionEvent =
  /** GOAWAY was sent for something the client did. */
  | { readonly kind: 'offence'; readonly code: ErrorCode; readonly message: string }
  /** RST_STREAM was sent for something the client did. */
  | { readonly kind: 'streamOffence'; readonly streamId: number; readonly code: ErrorCode; readonly message: string }
  /** A stream was refused: too many at once, no memory left, or the connection is going. */
  | { readonly kind: 'refused'; readonly streamId: number }
  /** The client did not answer a PING, or stopped reading. */
  | { readonly kind: 'timeout'; readonly message: string }
  /** Something of ours threw. */
  | { readonly kind: 'fault'; readonly error: unknown };
