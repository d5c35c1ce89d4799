// What the taps have told of one node so far, for all checkers together. It outlives the processes of the node, as its
// disk does.

import type { HardState, LogId, NodeId, Persist, RecoveredLog, Status } from '@kontiki/raft';
import { NodeLog } from './node-log.ts';

export class NodeRecord {
  readonly id: NodeId;
  boot = 0;
  isRunning = false;
  /** What was handed to the log. */
  readonly written: NodeLog = new NodeLog();
  /** What the log has acknowledged. */
  durable: NodeLog = new NodeLog();
  /** What its own disk has, while it has another. */
  #away: NodeLog | undefined;
  #hasOwnDisk = true;
  hardWritten: HardState | undefined;
  hardDurable: HardState | undefined;
  /** Handed to the log, and not known to be on the disk. */
  unanswered: Persist[] = [];
  /** As of the end of the last turn of this process. */
  status: Status | undefined;
  /** Whether `written` is, at this end of a turn, what the node has in memory. */
  isExact = false;
  /** Of the state machine, and the revision of its store there. */
  applied: LogId | undefined;
  revision = 0;
  /** What the state machine holds durably. */
  flushed = 0;
  /** Where the newest whole snapshot ends. */
  snapshot = 0;
  #isHanded = false;
  #inFlight = 0;

  constructor(id: NodeId) {
    this.id = id;
  }

  started(boot: number, recovered: RecoveredLog): void {
    this.boot = boot;
    if (this.#hasOwnDisk) this.#away = undefined;
    this.isRunning = true;
    this.written.replaceBy(recovered);
    this.durable.replaceBy(recovered);
    this.hardWritten = recovered.hardState;
    this.hardDurable = recovered.hardState;
    this.unanswered = [];
    this.status = undefined;
    this.applied = undefined;
    this.revision = 0;
    this.#isHanded = false;
    this.#inFlight = 0;
  }

  ended(): void {
    this.isRunning = false;
    this.status = undefined;
    this.isExact = false;
  }

  /** An empty disk instead of its own, or its own again. */
  wiped(): void {
    this.#hasOwnDisk = !this.#hasOwnDisk;
    this.#away ??= this.durable;
    this.durable = new NodeLog();
    this.written.clear();
    this.hardWritten = undefined;
    this.hardDurable = undefined;
    this.unanswered = [];
    this.flushed = 0;
    this.snapshot = 0;
  }

  /** Whether its disk has this entry, be it put away. */
  holds(index: number, term: number): boolean {
    return this.durable.has(index, term) || this.#away?.has(index, term) === true;
  }

  handed(write: Persist): void {
    this.written.take(write);
    this.hardWritten = write.hardState ?? this.hardWritten;
    this.unanswered.push(write);
    this.#inFlight += 1;
    this.#isHanded = true;
  }

  /** A write without `sync` is durable with the next one that has it. */
  answered(write: Persist): void {
    this.#inFlight = Math.max(0, this.#inFlight - 1);
    if (!write.sync) return;
    while (this.unanswered.length > 0) {
      const next = this.unanswered.shift();
      if (next === undefined) return;
      this.durable.take(next);
      this.hardDurable = next.hardState ?? this.hardDurable;
      if (next === write) return;
    }
  }

  /** Every write takes the log as far as it goes; while one is out, memory may be ahead of what was handed out. */
  turnEnds(): void {
    this.isExact = this.#isHanded || this.#inFlight === 0;
    this.#isHanded = false;
  }
}
