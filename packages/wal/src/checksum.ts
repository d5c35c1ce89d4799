// CRC-32 (IEEE 802.3, the polynomial of zlib), for engines that do not bring their own.

/** The CRC-32 of the bytes, continued from `seed` (0 for a fresh one): `c(b, c(a, 0))` equals that of a and b joined. */
export type Checksum = (bytes: Uint8Array, seed: number) => number;

/** Row `n` is what a byte makes of the remainder when `n` more bytes follow it: four rows let four bytes go at once. */
const [table, table1, table2, table3] = rows();

function rows(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = new Int32Array(256).map((_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
    return remainder;
  });
  const next = (row: Int32Array): Int32Array => row.map((entry) => (entry >>> 8) ^ (first[entry & 255] ?? 0));
  const second = next(first);
  const third = next(second);
  return [first, second, third, next(third)];
}

export const tableChecksum: Checksum = (bytes, seed) => {
  const { length } = bytes;
  let crc = ~seed;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    crc =
      (table3[(crc ^ (bytes[at] ?? 0)) & 255] ?? 0) ^
      (table2[((crc >>> 8) ^ (bytes[at + 1] ?? 0)) & 255] ?? 0) ^
      (table1[((crc >>> 16) ^ (bytes[at + 2] ?? 0)) & 255] ?? 0) ^
      (table[((crc >>> 24) ^ (bytes[at + 3] ?? 0)) & 255] ?? 0);
  }
  for (; at < length; at++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at] ?? 0)) & 255] ?? 0);
  return ~crc >>> 0;
};
