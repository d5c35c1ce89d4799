// As much of protobuf's wire format as health and reflection need: fields with a length, and small numbers.

export interface WireField {
  readonly number: number;
  /** Of a field with a length; empty for others. */
  readonly bytes: Buffer;
  /** Of a varint; 0 for others. */
  readonly value: number;
}

/** Throws `RangeError` when the bytes are no message. Numbers beyond 2^53 come out rounded: nothing here has any. */
export function* readFields(message: Uint8Array): Generator<WireField> {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const octet = bytes[at++];
      if (octet === undefined || scale > 2 ** 63) throw new RangeError('a number is cut off, or too long');
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw new RangeError('a field is cut off');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const none = Buffer.alloc(0);
    switch (tag % 8) {
      case 0:
        yield { number, bytes: none, value: varint() };
        break;
      case 1:
        take(8);
        break;
      case 2:
        yield { number, bytes: take(varint()), value: 0 };
        break;
      case 5:
        take(4);
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

export function numberField(number: number, value: number): Buffer {
  return Buffer.concat([varintOf(number * 8), varintOf(value)]);
}

function varintOf(value: number): Buffer {
  const octets: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    octets.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  octets.push(rest);
  return Buffer.from(octets);
}
