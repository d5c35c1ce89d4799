// Time, as a connection sees it. Given from outside, so that tests play hours in an instant.

export interface Scheduler {
  /** Milliseconds that never go back; only differences mean something. */
  now(): number;
  /** Calls once, unless the returned function is called first. */
  after(milliseconds: number, call: () => void): () => void;
  /** Calls once, when everything that has arrived by now was looked at. */
  soon(call: () => void): void;
}
