// Assertions of the store about its own state, on in production: a broken one stops the member before it answers wrongly.

/** Our own state or our own disk contradicts itself. Caught only at the top; the member stops. */
export class StoreInvariantError extends Error {
  readonly code = 'KV_INVARIANT';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new StoreInvariantError(message);
}

export function unreachable(value: never): never {
  throw new StoreInvariantError(`unexpected ${JSON.stringify(value)}`);
}

/** What the backend holds, or what a snapshot brought, cannot be read as a store. */
export class StoreFormatError extends Error {
  readonly code = 'KV_FORMAT';
}
