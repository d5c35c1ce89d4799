import { crc32 } from 'node:zlib';
import type { Checksum } from '../checksum.ts';

export { nodeVfs } from './node-vfs.ts';

export const zlibChecksum: Checksum = (bytes, seed) => crc32(bytes, seed);
