// Looks at a data file before LMDB does: `lmdb` 3.5.6 crashes the process (it frees its environment twice) when opening
// fails, so that a damaged or foreign file would end in a signal instead of a sentence.

import { closeSync, existsSync, openSync, readSync } from 'node:fs';

/** The first page: its flags, and behind its header the magic number and the version of the format. */
const flagsAt = 18;
const metaFlag = 0x08;
const magicAt = 24;
const magic = 0xbeefc0de;
const versionAt = 28;
const version = 2;
const headerBytes = 32;

/** Throws, with a sentence that names the file, unless LMDB will be able to open it or to make it. */
export function checkDataFile(file: string): void {
  if (!existsSync(file)) return;
  const descriptor = openSync(file, 'r+');
  try {
    const header = new DataView(new ArrayBuffer(headerBytes));
    const read = readSync(descriptor, header, 0, headerBytes, 0);
    if (read === 0) return;
    const isMeta =
      read === headerBytes &&
      (header.getUint16(flagsAt, true) & metaFlag) !== 0 &&
      header.getUint32(magicAt, true) === magic;
    if (!isMeta) throw new Error(`${file} is not an LMDB data file`);
    const found = header.getUint32(versionAt, true) & 0xffff;
    if (found !== version) throw new Error(`${file} has format version ${found}; this build reads version ${version}`);
  } finally {
    closeSync(descriptor);
  }
}
