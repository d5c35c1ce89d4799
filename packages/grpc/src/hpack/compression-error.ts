// The one way in which header compression fails. Both tables have parted then, so nothing on the connection can be read
// any more: whoever catches this closes it (RFC 7541 §2.2 leaves the code to HTTP/2: COMPRESSION_ERROR).

export class CompressionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CompressionError';
  }
}
