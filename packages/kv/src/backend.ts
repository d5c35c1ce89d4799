// Where rows end up: ordered byte keys in a few spaces, written in atomic durable batches behind the applied state.

/** `rows`: MVCC rows by revision; `meta`: applied position, revisions and small records; `leases`: by id. */
export type Space = 'rows' | 'meta' | 'leases';

export type BackendWrite =
  | { readonly kind: 'put'; readonly space: Space; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly space: Space; readonly key: Uint8Array }
  /** Removes everything of every space; what follows in the same batch is what is left. */
  | { readonly kind: 'clear' };

/** A consistent picture: later commits do not show. */
export interface BackendView {
  get(space: Space, key: Uint8Array): Uint8Array | undefined;
  /** Visits [from, to) in byte order until `visit` answers false; `to` undefined is the end of the space. Bytes are the caller's to keep. */
  scan(
    space: Space,
    from: Uint8Array,
    to: Uint8Array | undefined,
    visit: (key: Uint8Array, value: Uint8Array) => boolean,
  ): void;
  close(): void;
}

/** Synchronous reads, asynchronous durable writes. Implementations pass `backendSuite` (`@kontiki/kv/testing`). */
export interface Backend {
  /** A view of the last committed batch, durable or not. */
  view(): BackendView;
  /**
   * Applies the whole batch or nothing. `committed` when views show it, `durable` when it survives a power failure; either
   * may come with an error, after which the backend answers nothing but errors. One commit at a time until `committed`.
   */
  commit(
    writes: readonly BackendWrite[],
    committed: (error: Error | undefined) => void,
    durable: (error: Error | undefined) => void,
  ): void;
  size(): { readonly bytes: number; readonly bytesInUse: number };
  close(done: (error: Error | undefined) => void): void;
}
