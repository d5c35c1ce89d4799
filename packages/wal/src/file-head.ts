// The first 16 bytes of every file of this package: what it is, which version, and a checksum over both. They keep their
// form in all versions, so that a newer file is told from a damaged one.

import { viewOf } from './bytes.ts';
import type { Checksum } from './checksum.ts';

export const formatVersion = 1;
export const fileHeadBytes = 16;
export type Magic = 'KONTIKIW' | 'KONTIKID' | 'KONTIKIS';

export function putFileHead(bytes: Uint8Array, magic: Magic, checksum: Checksum): void {
  for (let at = 0; at < magic.length; at++) bytes[at] = magic.charCodeAt(at);
  const view = viewOf(bytes);
  view.setUint32(8, formatVersion, true);
  view.setUint32(12, checksum(bytes.subarray(0, 12), 0), true);
}

/** The version of the format, if the bytes begin as such a file does. */
export function versionOf(bytes: Uint8Array, magic: Magic, checksum: Checksum): number | undefined {
  if (bytes.length < fileHeadBytes) return undefined;
  for (let at = 0; at < magic.length; at++) if (bytes[at] !== magic.charCodeAt(at)) return undefined;
  const view = viewOf(bytes);
  if (checksum(bytes.subarray(0, 12), 0) !== view.getUint32(12, true)) return undefined;
  return view.getUint32(8, true);
}
