// The byte stream below a connection, TCP or TLS or a pair in memory.

export interface Wire {
  /**
   * Takes all of it, and returns how many bytes wait to go out; when none do, the buffers are read no more. `done` says so
   * of them later: once per write, in order.
   */
  write(buffers: readonly Buffer[], done: () => void): number;
  /** What was written still goes out; then the stream is closed. */
  end(): void;
  destroy(): void;
  /** Until `resume`, nothing more is read. */
  pause(): void;
  resume(): void;
}
