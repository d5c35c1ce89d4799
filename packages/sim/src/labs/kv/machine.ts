// What a replicated service is to the layer that replicates it: operations in order, and the whole state as bytes.

export interface Machine<Request, Answer> {
  /** Deterministic: the same requests in the same order give the same answers everywhere. */
  doOperation(request: Request): Answer;
  /** Whether the request changes nothing, in whatever state it comes. */
  isRead(request: Request): boolean;
  snapshot(): Uint8Array;
  /** Replaces the whole state by what `snapshot` gave. */
  restore(bytes: Uint8Array): void;
}
