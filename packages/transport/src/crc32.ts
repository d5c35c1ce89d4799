// CRC-32 (IEEE), as zlib computes it. Hosts with a native one inject that instead.

/** The checksum of `bytes`, continued from `previous`, the checksum of the bytes before them (0 at the start). */
export type Checksum = (bytes: Uint8Array, previous: number) => number;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

export function crc32(bytes: Uint8Array, previous: number): number {
  let value = ~previous >>> 0;
  for (const byte of bytes) value = (value >>> 8) ^ (table[(value ^ byte) & 0xff] ?? 0);
  return ~value >>> 0;
}
