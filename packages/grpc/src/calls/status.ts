// gRPC's status codes, and the one error class that becomes a status on the wire.

export const grpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type GrpcCode = (typeof grpcCode)[keyof typeof grpcCode];

/** How a call ends. */
export interface Status {
  readonly code: number;
  readonly message: string;
  /** A serialized google.rpc.Status, sent as `grpc-status-details-bin`. */
  readonly details?: Uint8Array;
}

/** The memory for all clients together is used up. */
export const outOfMemory: Status = {
  code: grpcCode.resourceExhausted,
  message: 'the server has no memory left for this call',
};

/** Thrown, or passed to `fail`: `code` and `message` go to the client as they are. */
export class RpcError extends Error implements Status {
  readonly code: GrpcCode;
  declare readonly details?: Uint8Array;

  constructor(code: GrpcCode, message: string, details?: Uint8Array) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
    if (details !== undefined) this.details = details;
  }
}
