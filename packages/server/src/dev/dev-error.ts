// What keeps `kontiki dev` from starting, as a sentence.

/** Nothing was started; the message names the thing and the way out. */
export class DevError extends Error {
  override readonly name = 'DevError';
}
