// Assertions: design documents that run. They stay on in production, because a node that is wrong about its own state
// must stop, not vote. Refusals that are expected are values (`Verdict`); only what must never happen is thrown.

/** A broken rule of the algorithm, or a log that cannot be ours. Caught only at the top, where the node stops. */
export class InvariantError extends Error {
  override readonly name: string = 'InvariantError';
}

/** States what must be true here. The message names the rule and both operands: `commit 9 is beyond last index 7`. */
export function assert(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new InvariantError(message());
}

/** Closes a `switch` over a union: a new member does not compile until every switch knows it. */
export function unreachable(value: never): never {
  throw new InvariantError(`no case for ${String((value as { kind?: unknown }).kind ?? value)}`);
}
