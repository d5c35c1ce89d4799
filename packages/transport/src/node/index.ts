import zlib from 'node:zlib';
import type { Checksum } from '../crc32.ts';

export { type MemberIdentity, openIdentityFile } from './identity-file.ts';
export { dialTcp, TcpNetwork, type TcpOptions, tcpAddress } from './tcp.ts';
export { NodeTicker } from './ticker.ts';

/** The same sum as the package's own `crc32`, computed by zlib. */
export const nativeCrc32: Checksum = (bytes, previous) => zlib.crc32(bytes, previous);
