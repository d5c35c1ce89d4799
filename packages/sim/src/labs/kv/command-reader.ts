// Commands as values. Every server of a group applies the same bytes at the same index, and to compare them with those that
// another has just applied there costs a fraction of reading them.

import { decodeJson } from './json-bytes.ts';

/** Servers that are further apart than this read for themselves. */
const remembered = 256;

export class CommandReader<Command> {
  readonly #last: ({ readonly bytes: Uint8Array; readonly command: Command } | undefined)[] = [];

  /** What `bytes` say, wherever they stand; the index is only where to look first. Nobody may change what it answers. */
  read(index: number, bytes: Uint8Array): Command {
    const slot = index % remembered;
    const last = this.#last[slot];
    if (last !== undefined && areEqual(last.bytes, bytes)) return last.command;
    const command = decodeJson<Command>(bytes);
    this.#last[slot] = { bytes, command };
    return command;
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}
