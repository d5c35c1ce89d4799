// What writers did, as they saw it; and what the cluster holds afterwards. The judge compares the two.

/** One Put. Keys under `once/` are written by exactly one call, ever; keys under `over/` by one writer, again and again. */
export interface WriteRecord {
  readonly round: number;
  readonly writer: number;
  readonly key: string;
  readonly value: string;
  /** `unknown`: no answer, or an error that leaves open whether it happened. */
  readonly outcome:
    | { readonly kind: 'acknowledged'; readonly revision: number }
    | { readonly kind: 'unknown'; readonly error: string };
  /** Milliseconds of a monotonic clock. */
  readonly calledMs: number;
  readonly answeredMs: number;
}

export interface StoredKey {
  readonly value: string;
  readonly version: number;
  readonly modRevision: number;
}

/** One member after the round, read through that member alone. */
export interface MemberView {
  readonly name: string;
  readonly revision: number;
  /** HashKV at the lowest revision of all members. */
  readonly hash: number;
  readonly keys: ReadonlyMap<string, StoredKey>;
}
