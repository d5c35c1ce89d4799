// Chance without a generator: a number that is a pure function of what it is drawn for, so that leaving out one draw does not
// change the others. Who draws, decides what the key names.

/** An unsigned 32-bit number. FNV-1a, then a finalizer: near keys must not give near numbers. */
export function keyedHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
