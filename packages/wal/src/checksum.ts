// CRC-32 (IEEE 802.3, the polynomial of zlib), for engines that do not bring their own.

/** The CRC-32 of the bytes, continued from `seed` (0 for a fresh one): `c(b, c(a, 0))` equals that of a and b joined. */
export type Checksum = (bytes: Uint8Array, seed: number) => number;

const table: Uint32Array = new Uint32Array(256).map((_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder;
});

export const tableChecksum: Checksum = (bytes, seed) => {
  let crc = ~seed;
  for (let at = 0; at < bytes.length; at++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at] ?? 0)) & 255] ?? 0);
  return ~crc >>> 0;
};
