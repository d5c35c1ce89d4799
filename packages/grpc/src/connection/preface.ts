// RFC 9113 §3.4: what a client says first.

export const clientPreface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export interface PrefaceRead {
  /** What has come of it; `undefined` when it is whole. */
  readonly waiting: Buffer | undefined;
  /** What follows it. */
  readonly rest: Buffer;
}

const nothing = Buffer.alloc(0);

/** `undefined`: whatever it is, it is not the preface. */
export function readPreface(before: Buffer, chunk: Buffer): PrefaceRead | undefined {
  const needed = clientPreface.length - before.length;
  const seen = Buffer.concat([before, chunk.subarray(0, needed)]);
  if (!clientPreface.subarray(0, seen.length).equals(seen)) return undefined;
  if (seen.length < clientPreface.length) return { waiting: seen, rest: nothing };
  return { waiting: undefined, rest: chunk.subarray(needed) };
}
