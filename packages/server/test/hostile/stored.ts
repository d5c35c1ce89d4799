// What the attacked server has stored before, which attacks and the ordinary client know.

export const healthyKey = 'healthy';
export const healthyValue = 'still served';
/** Its value changes all the time while somebody watches. */
export const watchedKey = 'watched';
export const watchedBytes: number = 100 * 1024;
/** `large/000`, `large/001`, …, of 1 MiB each. */
export const largeKeys = 112;
export const largeBytes: number = 2 ** 20;

export function largeKey(index: number): string {
  return `large/${String(index).padStart(3, '0')}`;
}
