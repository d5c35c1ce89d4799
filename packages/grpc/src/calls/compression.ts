// gzip, the one encoding besides identity. Nothing comes out that is longer than a message may be.

import { constants, gunzip, gzipSync } from 'node:zlib';

/** `undefined`: longer than allowed. An error: not gzip. */
export type Unzipped = { readonly bytes: Buffer } | { readonly tooLarge: true } | { readonly error: Error };

/** Calls back once, later. */
export function unzip(bytes: Buffer, bytesMax: number, done: (unzipped: Unzipped) => void): void {
  gunzip(bytes, { maxOutputLength: Math.max(1, bytesMax) }, (error, plain) => {
    if (error === null) done({ bytes: plain });
    else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') done({ tooLarge: true });
    else done({ error });
  });
}

/** For speed rather than size: the answer waits for it. */
export function zip(bytes: Uint8Array): Buffer {
  return gzipSync(bytes, { level: constants.Z_BEST_SPEED });
}
