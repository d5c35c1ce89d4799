// The seam below the peers: byte streams between addresses. TCP fills it on Node, `MemoryNetwork` in tests.
//
// As in all ports, callbacks never run before the call that started them has returned.

import type { Cancel, Completion, Done } from '@kontiki/raft';

export interface ConnectionHandler {
  data(chunk: Uint8Array): void;
  /** There is room again after `write` said `false`. */
  drained(): void;
  /** Once, and nothing after it. `reason` is what a log shows. */
  closed(reason: string): void;
}

/** One reliable, ordered stream of bytes in each direction. */
export interface Connection {
  /** Who is at the other end, as far as the network knows; for logs. */
  readonly remote: string;
  /** Registers the handler; called once, in the turn in which the connection was handed over. */
  start(handler: ConnectionHandler): void;
  /** Takes the bytes in any case, and says whether more should wait for `drained`. The bytes must not change afterwards. */
  write(bytes: Uint8Array): boolean;
  /** Stops or resumes `data`; the other end feels it as back-pressure. */
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes. `closed` follows. */
  end(): void;
  /** Closes at once; `closed` follows. */
  destroy(): void;
}

export interface Network {
  /** Connects, or says why not. Cancelling closes what comes of it. */
  dial(address: Uint8Array, opened: Completion<Connection>): Cancel;
  /** Hands over every connection that others open. Called once. */
  listen(accept: (connection: Connection) => void): void;
  /** Stops listening. Open connections stay. */
  close(done: Done): void;
}
