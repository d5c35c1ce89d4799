// As much of protobuf's wire format as health and reflection need: fields with a length, and numbers.

export interface WireField {
  readonly number: number;
  /** Of a field with a length; empty for others. */
  readonly bytes: Buffer;
  /** Of a varint, all 64 bits of it, without a sign; 0 for others. */
  readonly value: bigint;
}

const none = Buffer.alloc(0);
const fieldNumberMax = 2n ** 29n - 1n;

/** Throws `RangeError` when the bytes are no message. */
export function* readFields(message: Uint8Array): Generator<WireField> {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const octet = bytes[at++];
      if (octet === undefined) throw new RangeError('a number is cut off');
      value |= BigInt(octet & 0x7f) << shift;
      if (value >= 2n ** 64n || shift > 63n) throw new RangeError('a number is too long');
      if (octet < 0x80) return value;
    }
  };
  const take = (length: bigint): Buffer => {
    if (length > BigInt(bytes.length - at)) throw new RangeError('a field is cut off');
    at += Number(length);
    return bytes.subarray(at - Number(length), at);
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag < 8n || tag >> 3n > fieldNumberMax) throw new RangeError(`there is no field ${tag >> 3n}`);
    const number = Number(tag >> 3n);
    switch (tag & 7n) {
      case 0n:
        yield { number, bytes: none, value: varint() };
        break;
      case 1n:
        take(8n);
        break;
      case 2n:
        yield { number, bytes: take(varint()), value: 0n };
        break;
      case 5n:
        take(4n);
        break;
      default:
        throw new RangeError('a field of unknown type');
    }
  }
}

/** One field with a length. */
export function bytesField(number: number, bytes: Uint8Array | string): Buffer {
  const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return Buffer.concat([varintOf(number * 8 + 2), varintOf(body.length), body]);
}

/** Throws `RangeError` for what is no integer from 0 to 2^53-1. */
export function numberField(number: number, value: number): Buffer {
  return Buffer.concat([varintOf(number * 8), varintOf(value)]);
}

function varintOf(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no number to write`);
  const octets: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    octets.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  octets.push(rest);
  return Buffer.from(octets);
}
