// gRPC's frame around a message: compressed u8 · length u32 · bytes. Nothing is compressed here.

import { grpcCode, RpcError } from '@kontiki/grpc';

const headBytes = 5;

export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, headBytes);
  return frame;
}

/** As clients of etcd have it by default. */
const bytesMaxDefault = 2 ** 31 - 1;

/** Messages out of the chunks of a stream, wherever those were cut. */
export class MessageCutter {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #have = 0;
  #wanted = headBytes;

  constructor(bytesMax: number = bytesMaxDefault) {
    this.#bytesMax = bytesMax;
  }

  /** Whether no message has begun that is not whole. */
  get isBetween(): boolean {
    return this.#have === 0;
  }

  /** @throws RpcError for a message that is too long, by its head. */
  *cut(chunk: Buffer): Generator<Uint8Array> {
    this.#parts.push(chunk);
    this.#have += chunk.length;
    while (this.#have >= this.#wanted) {
      const bytes = this.#parts.length > 1 ? Buffer.concat(this.#parts) : (this.#parts[0] ?? chunk);
      const length = bytes.readUInt32BE(1);
      if (length > this.#bytesMax) {
        const text = `grpc: received message larger than max (${length} vs. ${this.#bytesMax})`;
        throw new RpcError(grpcCode.resourceExhausted, text);
      }
      const end = headBytes + length;
      const isWhole = bytes.length >= end;
      if (isWhole) yield bytes.subarray(headBytes, end);
      const rest = isWhole ? bytes.subarray(end) : bytes;
      this.#parts = [rest];
      this.#have = rest.length;
      this.#wanted = isWhole ? headBytes : end;
    }
  }
}
