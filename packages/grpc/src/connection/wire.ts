// The byte stream below a connection, TCP or TLS or a pair in memory.

export interface Wire {
  /** Takes all of it. Returns how many bytes wait to go out; 0: the buffers are read no more and may be used again. */
  write(buffers: readonly Buffer[]): number;
  /** What was written still goes out; then the stream is closed. */
  end(): void;
  destroy(): void;
  /** Until `resume`, nothing more is read. */
  pause(): void;
  resume(): void;
}
