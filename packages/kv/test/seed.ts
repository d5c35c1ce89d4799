// The seed of all random tests of a run: printed, and repeated with SEED=n.

export const seed: number = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`SEED=${seed}`);
