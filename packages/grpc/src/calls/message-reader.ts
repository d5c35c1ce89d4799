// gRPC's messages out of DATA, wherever the frames were cut:
//
//   message    compressed u8 · length u32 · bytes
//
// A message that lies in one frame is handed on where it lies. One that does not is gathered in a buffer that grows with
// what has come, not with what was announced.

export interface MessageSink {
  /** Whether the next message may be handed over. If not, `push` stops in front of it. */
  readonly isFree: boolean;
  /** The message may be kept. */
  message(compressed: boolean, bytes: Buffer): void;
  /** The head of a message is here, and `missing` of its bytes are not. */
  begun(missing: number): void;
  /** A message of this length is more than allowed. Nothing follows. */
  tooLarge(length: number): void;
  /** The first byte of a message is neither 0 nor 1. Nothing follows. */
  malformed(): void;
}

export const messageHeadBytes = 5;
const firstBufferBytes = 4096;
const nothing = Buffer.alloc(0);

export class MessageReader {
  readonly #bytesMax: number;
  readonly #sink: MessageSink;
  #over = false;
  // What has come of a message's head, and, once that is whole, of its bytes.
  #head: Buffer = nothing;
  #headHave = 0;
  #length = 0;
  #body: Buffer = nothing;
  #have = 0;

  constructor(bytesMax: number, sink: MessageSink) {
    this.#bytesMax = bytesMax;
    this.#sink = sink;
  }

  /** Whether no message has begun that is not whole. */
  get isBetween(): boolean {
    return this.#headHave === 0;
  }

  stop(): void {
    this.#over = true;
    this.#body = nothing;
  }

  /** Returns where it stopped: what lies behind is to be pushed again when the sink is free. */
  push(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && !this.#over && this.#sink.isFree) {
      if (this.#headHave === 0 && end - at >= messageHeadBytes) {
        const length = bytes.readUInt32BE(at + 1);
        if (!this.#isFair(bytes[at] ?? 0, length)) return end;
        const next = at + messageHeadBytes + length;
        if (next <= end) {
          this.#sink.message(bytes[at] === 1, bytes.subarray(at + messageHeadBytes, next));
          at = next;
          continue;
        }
      }
      at = this.#gather(bytes, at, end);
    }
    return at;
  }

  #isFair(compressed: number, length: number): boolean {
    if (compressed <= 1 && length <= this.#bytesMax) return true;
    this.stop();
    if (compressed > 1) this.#sink.malformed();
    else this.#sink.tooLarge(length);
    return false;
  }

  #gather(bytes: Buffer, start: number, end: number): number {
    let at = start;
    if (this.#headHave < messageHeadBytes) {
      const taken = Math.min(messageHeadBytes - this.#headHave, end - at);
      // Most messages lie in one frame, and need none.
      if (this.#head === nothing) this.#head = Buffer.allocUnsafe(messageHeadBytes);
      bytes.copy(this.#head, this.#headHave, at, at + taken);
      this.#headHave += taken;
      at += taken;
      if (this.#headHave < messageHeadBytes) return at;
      this.#length = this.#head.readUInt32BE(1);
      if (!this.#isFair(this.#head[0] ?? 0, this.#length)) return end;
      const missing = this.#length - (end - at);
      if (missing > 0) this.#sink.begun(missing);
    }
    const taken = Math.min(this.#length - this.#have, end - at);
    this.#makeRoom(this.#have + taken);
    bytes.copy(this.#body, this.#have, at, at + taken);
    this.#have += taken;
    if (this.#have === this.#length) this.#deliver();
    return at + taken;
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#body.length) return;
    const room = Math.min(this.#length, Math.max(bytes, this.#body.length * 2, firstBufferBytes));
    const larger = Buffer.allocUnsafeSlow(room);
    this.#body.copy(larger, 0, 0, this.#have);
    this.#body = larger;
  }

  #deliver(): void {
    const body = this.#body;
    const compressed = this.#head[0] === 1;
    this.#headHave = 0;
    this.#have = 0;
    this.#body = nothing;
    this.#sink.message(compressed, body);
  }
}
