// The node as an embedder holds it: the driver with promises.

import type { Configuration, Index, NodeId, Status, Verdict } from '../core/api.ts';
import { members, promoted, withLearner, without } from '../core/configuration.ts';
import { AppliedFeed } from './applied-feed.ts';
import type { ApplyMessage } from './applying.ts';
import type { Driver } from './driver.ts';
import type {
  Applied,
  CallOptions,
  DriverMetrics,
  DriverOptions,
  Leadership,
  ReadOptions,
  StopReason,
} from './driver-api.ts';
import { NotLeaderError } from './errors.ts';
import { openDriver } from './open-driver.ts';
import type { Cancel, Completion, Peer } from './ports.ts';

/** Where a command would stand, in the words of the MIT labs. Without leadership, index and term name nothing. */
export interface StartResult {
  readonly index: number;
  readonly term: number;
  readonly isLeader: boolean;
}

export class RaftNode<Result, Query, Answer> {
  readonly #driver: Driver<Result, Query, Answer>;
  /** Resolves, and never rejects, when the node has stopped or has stopped itself. */
  readonly stopped: Promise<StopReason>;

  private constructor(driver: Driver<Result, Query, Answer>) {
    this.#driver = driver;
    this.stopped = new Promise((resolve) => driver.onStopped(resolve));
  }

  /**
   * Recovers what the disk holds, restores the state machine if that is needed, and begins to take part. Rejects with
   * `RecoveryError` when log, snapshots and state machine do not belong together.
   */
  static async open<Result, Query, Answer>(
    options: DriverOptions<Result, Query, Answer>,
  ): Promise<RaftNode<Result, Query, Answer>> {
    return new RaftNode(await promised<Driver<Result, Query, Answer>>((done) => openDriver(options, done)));
  }

  /** The same node, answering by callback. */
  get driver(): Driver<Result, Query, Answer> {
    return this.#driver;
  }

  get id(): NodeId {
    return this.#driver.id;
  }

  /**
   * Replicates the command and resolves with the state machine's answer, once it is committed and applied here. Only the
   * leader can. Rejects with `NotLeaderError`, `OverloadedError` or `StoppedError` when the command certainly has no
   * effect, and with `OutcomeUnknownError` when it may have one.
   */
  propose(command: Uint8Array, options: CallOptions = {}): Promise<Applied<Result>> {
    return promised((done) =>
      this.#driver.propose(command, options.timeoutTicks, (outcome) => {
        if (outcome.kind === 'done') options.session?.saw(outcome.value.at.index);
        done(outcome);
      }),
    );
  }

  /**
   * Hands the command to the log and returns at once, without any promise that it will be committed: `applied` tells.
   * Throws `OverloadedError` and `StoppedError`.
   */
  start(command: Uint8Array): StartResult {
    const started = this.#driver.start(command);
    if (started.kind === 'started') return { ...started.at, isLeader: true };
    if (!(started.error instanceof NotLeaderError)) throw started.error;
    const { last, term } = this.#driver.status();
    return { index: last.index + 1, term, isLeader: false };
  }

  /**
   * Everything that is applied from now on, in order. At most `settings.appliedMessages` wait for the reader: one that
   * falls further behind holds the state machine up, and one that leaves the loop ends its subscription.
   */
  applied(): AsyncIterable<ApplyMessage> {
    return new AppliedFeed(this.#driver, this.#driver.settings.appliedMessages);
  }

  /**
   * Asks the state machine; what the answer may be relied on for, `options.consistency` says. Rejects with
   * `UnavailableError`, `OverloadedError`, `StoppedError`, with `UnsupportedError` for a lease where leases are off, with
   * `TypeError` for consistency `session` without a session, or with what `query` throws.
   */
  read(query: Query, options: ReadOptions = {}): Promise<Answer> {
    return promised((done) => this.#driver.read(query, options, done));
  }

  /** Resolves once this node has applied everything that was acknowledged before the call (thesis §6.4). */
  readIndex(options: CallOptions = {}): Promise<Index> {
    return promised((done) => this.#driver.readIndex(options.timeoutTicks, done));
  }

  /**
   * Stores `bytes`, the state as of the entry at `index`, as a snapshot, and lets the log shrink: for a state machine in memory that
   * decides itself when. Resolves once they, or a newer snapshot, are stored. Rejects with `RangeError` for an index that the state
   * machine was not given yet, with `TypeError` for a state machine on disk, and with `StoppedError`.
   */
  snapshot(index: Index, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#driver.snapshot(index, [bytes], (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Begins to hand leadership to `to` (thesis §3.10); `onLeaderChange` tells whether it worked. */
  transferLeadership(to: NodeId): Verdict {
    return this.#driver.transferLeadership(to);
  }

  /**
   * Changes the members to `to` (joint consensus, thesis §4.3) and resolves with it once it is committed and in force. Only the
   * leader can. Rejects with `NotLeaderError`, `ChangeRefusedError` or `StoppedError` when the change certainly has no effect, and
   * with `OutcomeUnknownError` when it may have one.
   */
  changeMembership(to: Configuration, options: CallOptions = {}): Promise<Configuration> {
    return promised((done) => this.#driver.changeMembership(to, options.timeoutTicks, done));
  }

  /**
   * Adds a server that was started with `join`: first as a learner, and as a voter once it has caught up (thesis §4.2.1), so
   * that the cluster never waits for it. Rejects as `changeMembership` does, and with `CatchUpError` when the server does not
   * keep up: it then stays a learner. `timeoutTicks` is for each of the two changes.
   */
  async addVoter({ id, address }: Peer, options: CallOptions = {}): Promise<Configuration> {
    const now = this.status().configuration;
    if (!members(now).includes(id)) await this.changeMembership(withLearner(now, id, address), options);
    await new Promise<void>((resolve, reject) => {
      this.#driver.caughtUp(id, undefined, (error) => (error === undefined ? resolve() : reject(error)));
    });
    return this.changeMembership(promoted(this.status().configuration, id), options);
  }

  /** Takes a server out. The leader may remove itself: it steps down when that is committed. Rejects as `changeMembership` does. */
  removeMember(id: NodeId, options: CallOptions = {}): Promise<Configuration> {
    return this.changeMembership(without(this.status().configuration, id), options);
  }

  status(): Status {
    return this.#driver.status();
  }

  get metrics(): DriverMetrics {
    return this.#driver.metrics;
  }

  /** Hears of every change of leader, term or role. */
  onLeaderChange(listener: (leadership: Leadership) => void): Cancel {
    return this.#driver.onLeadership(listener);
  }

  /** Stops taking part; a leader hands over first unless told otherwise. */
  stop(options: { readonly handOver?: boolean } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#driver.stop({ handOver: options.handOver ?? true }, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }
}

function promised<T>(begin: (done: Completion<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((outcome) => {
      if (outcome.kind === 'done') resolve(outcome.value);
      else reject(outcome.error);
    });
  });
}
