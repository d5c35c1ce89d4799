// What an embedder fills in: disk, network, time and the state machine, as the driver sees them.
//
// Inside, every operation completes by callback. A callback runs once, and never before the call that started it has
// returned, so the order of completions is the scheduler's alone (docs/architecture.md, "Callbacks inside").

import type { Entry, HardState, Index, LogId, Message, NodeId, Persist, SnapshotMeta } from '../core/api.ts';

/** Completion of an operation without a value. After an error of a port that stores bytes, the node stops (§5, fail-stop). */
export type Done = (error: Error | undefined) => void;

/** Completion of an operation with a value. */
export type Completion<T> = (outcome: Outcome<T>) => void;
export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: Error };

/** Takes back something scheduled. Calling it after the thing has happened does nothing. */
export type Cancel = () => void;

/** What recovery found on disk, exactly what `Options.restore` needs besides the applied index. */
export interface RecoveredLog {
  readonly hardState: HardState;
  readonly base: SnapshotMeta;
  readonly entries: readonly Entry[];
}

/**
 * The durable log. Opening and recovery are the implementation's own affair; the driver gets it open.
 * The driver hands out the next write only after the last one was answered.
 */
export interface LogStore {
  /** What the disk held when the log was opened. Not updated by `append`. */
  readonly recovered: RecoveredLog;
  /**
   * Appends one write. With `write.sync` it is durable (fdatasync) before `done`; without, it may become durable with
   * any later write, and `done` comes as soon as it is buffered.
   * `write.base`, when present, replaces what the log is based on: everything at or before it may go, and so may a tail
   * that does not follow from it; it is durable before anything it replaces is removed.
   * `write.entries`, when present, cut off whatever followed from the first of their indexes on.
   */
  append(write: Persist, done: Done): void;
  close(done: Done): void;
}

/** Bytes of a snapshot, in order, each chunk once. The consumer asks for the next chunk only after the last arrived. */
export interface SnapshotSource {
  readonly meta: SnapshotMeta;
  /** `undefined` is the end. */
  next(completion: Completion<Uint8Array | undefined>): void;
  /** Frees what the source holds. Safe at any time, and more than once. */
  close(): void;
}

/** Takes the bytes of a snapshot. Nothing of it is visible to `newest` before `commit` has answered without error. */
export interface SnapshotSink {
  write(chunk: Uint8Array, done: Done): void;
  /** Verifies, makes durable, and makes it the newest. */
  commit(done: Done): void;
  abort(): void;
}

/** Whole snapshots, named by the entry they end at. A snapshot is durable and verified, or it is not there. */
export interface SnapshotStore {
  /** Metadata of the newest whole snapshot, if there is one. */
  newest(): SnapshotMeta | undefined;
  create(meta: SnapshotMeta): SnapshotSink;
  /** Reads the snapshot that ends at `last`; fails when there is none or its hash is wrong. */
  open(last: LogId, completion: Completion<SnapshotSource>): void;
  /** Drops every snapshot that ends before `index`, and leftovers of unfinished ones. */
  removeBefore(index: Index, done: Done): void;
}

/** How a peer is reached: opaque bytes from the configuration (`Configuration.addresses`). */
export interface Peer {
  readonly id: NodeId;
  readonly address: Uint8Array;
}

/** How a request to a peer ended. */
export type RequestOutcome =
  | { readonly kind: 'answered'; readonly body: Uint8Array }
  /** It certainly had no effect there: it never left this process, or the peer refused it unread. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It may have had an effect: the link or the time ran out after it left. */
  | { readonly kind: 'lost'; readonly reason: string };

/** Peers talking. Queues are bounded per peer; a full queue drops Raft messages (Raft recovers) and reports `unreachable`. */
export interface Transport {
  /** Begins to receive. Called once, before anything else. */
  start(handler: TransportHandler): void;
  /** The peers of now, without this node; links to others are closed. */
  setPeers(peers: readonly Peer[]): void;
  /** Sends one Raft message, or drops it. Never blocks, never fails. Messages to one peer keep their order while a link lasts. */
  send(message: Message): void;
  /**
   * Streams a snapshot on a connection of its own, so that heartbeats never wait behind it. `done` without error means
   * that the peer has it durable and verified. Closes the source.
   */
  sendSnapshot(to: NodeId, source: SnapshotSource, done: Done): Cancel;
  /** Asks a peer something that is not Raft (forwarded commands); always answers, at the latest after `timeoutTicks`. */
  request(to: NodeId, body: Uint8Array, timeoutTicks: number, answer: (outcome: RequestOutcome) => void): void;
  stop(done: Done): void;
}

export interface TransportHandler {
  receive(message: Message): void;
  unreachable(peer: NodeId): void;
  /** A peer offers a snapshot: where its bytes shall go, or `undefined` to refuse it for now. */
  offerSnapshot(from: NodeId, meta: SnapshotMeta): SnapshotSink | undefined;
  /** A peer asks something; `reply` may be called once, at any later time. */
  request(from: NodeId, body: Uint8Array, reply: (body: Uint8Array) => void): void;
}

/** Time and turns. One tick is a fixed span of monotonic time (10 ms by default). */
export interface Ticker {
  /** Calls back with the whole ticks that have passed since the last call; a process that was stopped sees them all at once. */
  start(tick: (elapsed: number) => void): Cancel;
  /**
   * Runs the task once at the end of this turn of the event loop, after what the sockets have brought in. Ticks that have
   * passed by then have been told before, however long the turn took: leases rest on it.
   */
  defer(task: () => void): void;
  /** Runs the task once when at least `ticks` ticks have passed. */
  after(ticks: number, task: () => void): Cancel;
}

/** A committed command on its way into the state machine. */
export interface CommittedCommand extends LogId {
  readonly command: Uint8Array;
}

/** A state machine in memory: the driver takes its snapshots, stores them and compacts the log. */
export interface MemoryStateMachine<Result, Query, Answer> {
  readonly kind: 'memory';
  /** Applies in order; one result for each command. Deterministic: the same commands give the same results everywhere. */
  apply(batch: readonly CommittedCommand[]): readonly Result[];
  query(query: Query): Answer;
  /** The state as of now; later `apply` calls must not show in the chunks. */
  snapshot(): Iterable<Uint8Array>;
  /** Replaces the whole state. `chunks` is what `snapshot` gave, cut differently. */
  restore(chunks: readonly Uint8Array[]): void;
}

/** A state machine that keeps itself on disk: the log is compacted up to what it reports as durable. */
export interface DurableStateMachine<Result, Query, Answer> {
  readonly kind: 'durable';
  /** The last entry whose effects were durable when it was opened. */
  readonly recovered: LogId;
  apply(batch: readonly CommittedCommand[], last: LogId): readonly Result[];
  /** Not called while `restore` is under way. */
  query(query: Query): Answer;
  /** Registers the one listener: everything up to `index` is durable in the machine itself. */
  onDurable(listener: (index: Index) => void): void;
  /** Room for more: when false, the driver holds `apply` back until `onRoom` is called (bounded memory). */
  hasRoom(): boolean;
  onRoom(listener: () => void): void;
  /** Bytes of the state as of `meta.last`, which is the last applied entry; later `apply` calls do not show in them. */
  snapshot(meta: SnapshotMeta, completion: Completion<SnapshotSource>): void;
  /** Replaces the whole state by the source's and makes it durable, with `source.meta.last` as applied, before `done`. */
  restore(source: SnapshotSource, done: Done): void;
}

export type StateMachine<Result, Query, Answer> =
  | MemoryStateMachine<Result, Query, Answer>
  | DurableStateMachine<Result, Query, Answer>;

/** One line of a structured log: a sentence, and the values it speaks of. */
export interface LogRecord {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | bigint | boolean | undefined>>;
}

/** Where log records go. Must not throw. */
export type Logger = (record: LogRecord) => void;
