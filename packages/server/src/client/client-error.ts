// What goes wrong at a terminal, as a sentence.

/** A command failed, and its message says what to do about it. What the server answered is the `cause`, where it did. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
}
