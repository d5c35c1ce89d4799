// gRPC's frame around a message: compressed u8 · length u32 · bytes. Nothing is compressed here.

const headBytes = 5;

export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, headBytes);
  return frame;
}

/** Messages out of the chunks of a stream, wherever those were cut. */
export class MessageCutter {
  #parts: Buffer[] = [];
  #have = 0;
  #wanted = headBytes;

  /** Whether no message has begun that is not whole. */
  get isBetween(): boolean {
    return this.#have === 0;
  }

  *cut(chunk: Buffer): Generator<Uint8Array> {
    this.#parts.push(chunk);
    this.#have += chunk.length;
    while (this.#have >= this.#wanted) {
      const bytes = this.#parts.length > 1 ? Buffer.concat(this.#parts) : (this.#parts[0] ?? chunk);
      const end = headBytes + bytes.readUInt32BE(1);
      const isWhole = bytes.length >= end;
      if (isWhole) yield bytes.subarray(headBytes, end);
      const rest = isWhole ? bytes.subarray(end) : bytes;
      this.#parts = [rest];
      this.#have = rest.length;
      this.#wanted = isWhole ? headBytes : end;
    }
  }
}
