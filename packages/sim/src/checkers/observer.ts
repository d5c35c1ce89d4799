// The taps by which a running cluster is watched: what was handed to each disk and acknowledged by it, what each node
// sent, applied and was at the end of a turn, and what clients were told. Whoever runs nodes calls them in the order in
// which things happen; nothing here is kept, so the arguments may be the live objects.
//
// An observer never answers and never throws: what it finds goes to its own report.

import type { CommittedCommand, Index, LogId, Message, NodeId, Persist, RecoveredLog, Status } from '@kontiki/raft';

/** How a process came to its end. `wiped`: its machine has an empty disk from now on; for the second time: its own again. */
export type End = 'stopped' | 'killed' | 'powerLost' | 'failed' | 'wiped';

/** What a node holds in memory, for the bounds of it. Whatever is not known is left out. */
export interface Held {
  readonly logBytes?: number;
  readonly logEntries?: number;
  readonly overlayBytes?: number;
  readonly commandsWaiting?: number;
  readonly readsWaiting?: number;
  readonly messagesQueued?: number;
}

export interface Observer {
  /** The log of `node` is open: what recovery found, before anything else of this process. */
  started(node: NodeId, boot: number, recovered: RecoveredLog): void;
  /** The state machine is open, and holds everything up to `applied` durably. */
  opened(node: NodeId, applied: Index): void;
  /** The process is gone, by whatever. Writes that were not answered may be on the disk or not. */
  ended(node: NodeId, end: End): void;

  /** `LogStore.append` was called. */
  handedToLog(node: NodeId, write: Persist): void;
  /** The log has answered without error: a write with `sync` is on the disk, and everything before it. */
  durable(node: NodeId, write: Persist): void;
  /** A whole snapshot that ends at `last` is in the node's snapshot store. */
  snapshotStored(node: NodeId, last: LogId): void;

  /** `Transport.send` was called: the message has left, whether it arrives or not. */
  sent(message: Message): void;

  /** The state machine has taken the commands and stands at `last` (and its store, if it has one, at `revision`). */
  applied(node: NodeId, commands: readonly CommittedCommand[], last: LogId, revision: number): void;
  /** The state machine was replaced by a snapshot that ends at `last`. */
  restored(node: NodeId, last: LogId, revision: number): void;
  /** The state machine reports everything up to `index` as durable in itself. */
  flushed(node: NodeId, index: Index): void;

  /** At the end of every turn of the driver in which something happened. */
  turnEnded(node: NodeId, status: Status): void;
  /** From time to time, at least once in a hundred ticks. */
  held(node: NodeId, held: Held): void;

  /** A client was told that its write is revision `revision`. */
  acknowledged(node: NodeId, revision: number): void;
}
