// Chance for tests: a seeded stream of numbers, the same on every engine.

export interface Draw {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  /** True once in `one in`. */
  oneIn(times: number): boolean;
  bytes(length: number): Uint8Array;
}

export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    // A 32-bit mixer over a Weyl sequence: enough for tests, and nothing else should use it.
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % limit;
  };
  return {
    below,
    oneIn: (times) => below(times) === 0,
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}
