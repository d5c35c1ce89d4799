// Random numbers from a seed, so that a test which fails can be repeated: SEED=n.

export interface Random {
  readonly seed: number;
  /** An integer in [0, below). */
  below(below: number): number;
  chance(probability: number): boolean;
  bytes(length: number): Buffer;
}

export function seedOf(fallback: number): number {
  const seed = Number(process.env.SEED ?? fallback);
  process.stdout.write(`# SEED=${seed}\n`);
  return seed;
}

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    seed,
    below,
    chance: (probability) => next() < probability,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}
