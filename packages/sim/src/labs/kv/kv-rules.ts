// The decisions that make the labs' services right, as a record. Other records exist only in tests: they show that the suites
// go red when a service does otherwise.

export interface KvRules {
  /** §8: whether the request with this number was carried out before; `last` is the newest of its client. */
  readonly isRepeat: (last: number, number: number) => boolean;
  /** §8: whether what is known of clients goes into snapshots with the data. */
  readonly keepsClients: boolean;
  /** §8: whether a read takes its place in the log, or is answered by whoever believes to lead. */
  readonly readsThroughLog: boolean;
  /** Whether somebody else's operation at the awaited index may answer for ours. */
  readonly isMine: (mine: string, applied: string) => boolean;
  /** What a put that was sent before may say when the version has moved on: that it may have been the mover. */
  readonly admitsMaybe: boolean;
  /** Whether a put that names this version may replace what has that one. */
  readonly replaces: (named: number, version: number) => boolean;
  /** Whether nobody holds the lock. */
  readonly isFree: (owner: string) => boolean;
}

export const kvRules: KvRules = {
  isRepeat: (last, number) => number <= last,
  keepsClients: true,
  readsThroughLog: true,
  isMine: (mine, applied) => mine === applied,
  admitsMaybe: true,
  replaces: (named, version) => named === version,
  isFree: (owner) => owner === '',
};
