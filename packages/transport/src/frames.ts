// Length-prefixed frames on a byte stream, after a preamble that names the protocol and its version.
//
//   preamble   "kontiki" version
//   frame      length u32 · crc u32 · kind u8 · boot u64 · counter u64 · body
//              `length` counts everything after itself; `crc` covers everything after itself.
//
// Boot and counter are the message id: the sender's boot number and a count over all frames it ever sent in that boot.
// The layout of the preamble and of a frame of kind `refused` never changes, so that any two versions can part politely.

import { ByteReader, ByteWriter, MalformedError } from './bytes.ts';
import type { Checksum } from './crc32.ts';
import { type TransportRules, transportRules } from './rules.ts';

export const protocolVersion = 1;

const frameKinds = [
  'refused',
  'hello',
  'welcome',
  'ping',
  'message',
  'request',
  'response',
  'requestRefused',
  'snapshotStart',
  'snapshotAccepted',
  'snapshotChunk',
  'snapshotEnd',
  'snapshotStored',
  'discover',
  'discovered',
] as const;
export type FrameKind = (typeof frameKinds)[number];

export interface FrameId {
  readonly boot: number;
  readonly counter: number;
}

export interface Frame {
  readonly kind: FrameKind;
  readonly id: FrameId;
  readonly body: Uint8Array;
}

/** Bytes of a frame before its body. */
export const frameHeaderBytes = 25;
const lengthBytes = 4;
const checkedFrom = 8;

const magic = Uint8Array.of(0x6b, 0x6f, 0x6e, 0x74, 0x69, 0x6b, 0x69);
export const preamble: Uint8Array = Uint8Array.of(...magic, protocolVersion);

/** `writeBody` writes the body behind the header; `expectedBytes` is a guess at the body's size. */
export function encodeFrame(
  kind: FrameKind,
  id: FrameId,
  checksum: Checksum,
  expectedBytes: number,
  writeBody: (out: ByteWriter) => void,
): Uint8Array {
  const out = new ByteWriter(frameHeaderBytes + expectedBytes);
  out.u32(0);
  out.u32(0);
  out.u8(frameKinds.indexOf(kind));
  out.u64(id.boot);
  out.u64(id.counter);
  writeBody(out);
  out.patchU32(0, out.length - lengthBytes);
  const bytes = out.take();
  out.patchU32(lengthBytes, checksum(bytes.subarray(checkedFrom), 0));
  return bytes;
}

/** What a chunk of the stream brought. After `malformed` or `version` the reader must not be fed again. */
export type FrameEvent =
  | { readonly kind: 'frame'; readonly frame: Frame }
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'malformed'; readonly reason: string };

/**
 * Cuts a byte stream into frames. Holds at most one frame, in a buffer of its own: nothing a frame carries pins the
 * buffers of the socket.
 */
export class FrameReader {
  readonly #checksum: Checksum;
  readonly #rules: TransportRules;
  #frameBytesMax: number;
  #preambleSeen = 0;
  readonly #prefix = new Uint8Array(lengthBytes);
  #prefixSeen = 0;
  #frame: Uint8Array | undefined;
  #frameSeen = 0;
  #broken = false;

  constructor(checksum: Checksum, frameBytesMax: number, rules: TransportRules = transportRules) {
    this.#checksum = checksum;
    this.#rules = rules;
    this.#frameBytesMax = frameBytesMax;
  }

  /** A stranger may send only small frames; whoever said hello properly may send more. */
  set frameBytesMax(value: number) {
    this.#frameBytesMax = value;
  }

  /** Something has begun that has not ended. */
  get isInsideFrame(): boolean {
    return this.#prefixSeen > 0 || (this.#preambleSeen > 0 && this.#preambleSeen < preamble.length);
  }

  /** Calls back for each event in order, until `emit` says `false`. */
  push(chunk: Uint8Array, emit: (event: FrameEvent) => boolean): void {
    let at = this.#readPreamble(chunk, emit);
    while (at < chunk.length && !this.#broken) {
      if (this.#frame === undefined) {
        at = this.#readPrefix(chunk, at, emit);
        continue;
      }
      const taken = Math.min(chunk.length - at, this.#frame.length - this.#frameSeen);
      this.#frame.set(chunk.subarray(at, at + taken), this.#frameSeen);
      this.#frameSeen += taken;
      at += taken;
      if (this.#frameSeen < this.#frame.length) continue;
      const event = this.#decode(this.#frame);
      this.#frame = undefined;
      this.#prefixSeen = 0;
      if (!emit(event) || event.kind === 'malformed') this.#broken = true;
    }
  }

  #readPreamble(chunk: Uint8Array, emit: (event: FrameEvent) => boolean): number {
    let at = 0;
    while (this.#preambleSeen < preamble.length && at < chunk.length && !this.#broken) {
      const byte = chunk[at] ?? 0;
      const isVersion = this.#preambleSeen === magic.length;
      if (byte !== preamble[this.#preambleSeen]) {
        this.#broken = true;
        emit(
          isVersion
            ? { kind: 'version', version: byte }
            : { kind: 'malformed', reason: 'this is not the protocol that members speak to each other' },
        );
        return chunk.length;
      }
      this.#preambleSeen += 1;
      at += 1;
    }
    return at;
  }

  #readPrefix(chunk: Uint8Array, from: number, emit: (event: FrameEvent) => boolean): number {
    let at = from;
    while (this.#prefixSeen < lengthBytes && at < chunk.length) this.#prefix[this.#prefixSeen++] = chunk[at++] ?? 0;
    if (this.#prefixSeen < lengthBytes) return at;
    const length = new ByteReader(this.#prefix).u32('length');
    const least = frameHeaderBytes - lengthBytes;
    if (length < least || length + lengthBytes > this.#frameBytesMax) {
      this.#broken = true;
      emit({
        kind: 'malformed',
        reason: `a frame of ${length + lengthBytes} bytes; ${frameHeaderBytes} to ${this.#frameBytesMax} are allowed`,
      });
      return chunk.length;
    }
    this.#frame = new Uint8Array(length);
    this.#frameSeen = 0;
    return at;
  }

  #decode(bytes: Uint8Array): FrameEvent {
    try {
      const from = new ByteReader(bytes);
      const sent = from.u32('checksum');
      if (!this.#rules.isWhole(sent, this.#checksum(bytes.subarray(checkedFrom - lengthBytes), 0))) {
        return { kind: 'malformed', reason: 'the checksum of a frame is wrong: its bytes changed on the way' };
      }
      const number = from.u8('frame kind');
      const kind = frameKinds[number];
      if (kind === undefined) return { kind: 'malformed', reason: `frame kind ${number} is unknown` };
      const id = { boot: from.u64('boot'), counter: from.u64('counter') };
      return { kind: 'frame', frame: { kind, id, body: from.rest() } };
    } catch (error: unknown) {
      if (error instanceof MalformedError) return { kind: 'malformed', reason: error.message };
      throw error;
    }
  }
}
