// Snapshots and compaction around the core: when one is taken, where its bytes go, and how far the log may shrink.
//
// The order that a crash must never see reversed (§7): snapshot durable and verified → base of the log durable → what
// they replace is dropped.

import type { Entry, Index, Input, LogId, NodeId, Options, Raft, SnapshotMeta, Verdict } from '../core/api.ts';
import { entryBytes } from '../core/log.ts';
import { CatchUpTail } from './catch-up-tail.ts';
import { StoppedError } from './errors.ts';
import type {
  Cancel,
  Completion,
  Done,
  LogRecord,
  SnapshotSink,
  SnapshotSource,
  SnapshotStore,
  StateMachine,
  Ticker,
  Transport,
} from './ports.ts';
import type { DriverRules } from './rules.ts';
import type { DriverSettings } from './settings.ts';
import { writeWhole } from './whole-snapshot.ts';

export interface SnapshottingParts<Result, Query, Answer> {
  readonly machine: StateMachine<Result, Query, Answer>;
  readonly raft: Raft;
  readonly snapshots: SnapshotStore;
  readonly transport: Transport;
  readonly ticker: Ticker;
  readonly settings: DriverSettings;
  readonly rules: DriverRules;
  /** Where the next snapshot ends that waits for the state machine. The log may begin after a newer one by then. */
  readonly toRestore: () => Index | undefined;
  /** Whether the log on disk holds anything. */
  readonly hasLog: () => boolean;
  readonly step: (input: Input) => Verdict;
  readonly log: (level: LogRecord['level'], message: string, fields: LogRecord['fields']) => void;
  readonly failed: (error: Error) => void;
}

export interface SnapshotCounts {
  readonly taken: number;
  readonly sent: number;
  readonly sendsFailed: number;
  readonly received: number;
  readonly restored: number;
}

interface Brought {
  readonly index: Index;
  readonly chunks: Iterable<Uint8Array>;
  readonly dones: readonly Done[];
}

export class Snapshotting<Result, Query, Answer> {
  readonly #parts: SnapshottingParts<Result, Query, Answer>;
  readonly #tail: CatchUpTail;
  /** Transfers to followers, and the index each began with. */
  readonly #sending = new Map<NodeId, { readonly cancel: Cancel; readonly index: Index }>();
  #receiving: { readonly sink: SnapshotSink; readonly index: Index } | undefined;
  /** The last one stored here, which need not be the newest: leaders that follow each other send what they have. */
  #received: LogId | undefined;
  #isTaking = false;
  /** Brought while another is being written: the newest only, and whom to tell once it is stored. */
  #brought: Brought | undefined;
  #isStopped = false;
  #applied: Index;
  /** Nothing before it is needed to start again: in a stored snapshot, or durable in the machine. */
  #safe: Index;
  #entriesSince = 0;
  #bytesSince = 0;
  #compacted: Index;
  #bytesSinceCompaction = 0;
  /** The removal that is under way: everything before this index. */
  #dropping: Index | undefined;
  /** Asked for meanwhile. */
  #dropNext: Index | undefined;
  readonly #counts = { taken: 0, sent: 0, sendsFailed: 0, received: 0, restored: 0 };

  /** `restore` is what the node starts with; its entries are not kept. */
  constructor(parts: SnapshottingParts<Result, Query, Answer>, restore: Options['restore']) {
    this.#parts = parts;
    const { machine, settings, ticker } = parts;
    const { applied, base, entries } = restore;
    this.#applied = applied;
    this.#safe = applied;
    this.#compacted = base.last.index;
    this.#tail = new CatchUpTail(settings.catchUpEntries, settings.catchUpBytes, base.last.index);
    for (const entry of entries) if (entry.index <= applied) this.#entryKept(entry);
    // The last life may have ended before the log was compacted. A full one would never take what moves it on.
    ticker.defer(() => {
      if (!this.#isStopped) this.#compact();
    });
    // The last life may have ended before it dropped what the state machine had taken over.
    if (parts.snapshots.newest() !== undefined) this.#dropTakenOver();
    if (machine.kind === 'durable') {
      machine.onDurable((index) => {
        if (this.#isStopped || index <= this.#safe) return;
        this.#safe = index;
        this.#compact();
        this.#dropOvertaken();
      });
    }
  }

  get counts(): SnapshotCounts {
    return this.#counts;
  }

  entryApplied(entry: Entry): void {
    this.#applied = (this.#applied + 1) as Index;
    this.#entriesSince += 1;
    if (entry.kind === 'command') this.#bytesSince += entry.data.length;
    this.#entryKept(entry);
  }

  /** A batch was applied: is it time for a snapshot? */
  batchApplied(): void {
    const { machine, settings } = this.#parts;
    if (machine.kind !== 'memory' || this.#isTaking || this.#isStopped) return;
    if (this.#entriesSince < settings.snapshotEntries && this.#bytesSince < settings.snapshotBytes) return;
    this.#take({ index: this.#applied, chunks: machine.snapshot(), dones: [] });
  }

  /** The state as of an applied entry, from a state machine in memory that decides itself when. */
  bring(index: Index, chunks: Iterable<Uint8Array>, done: Done): void {
    if (this.#isTaking) {
      // The newer one covers what the older does.
      const waiting = this.#brought;
      const dones = [...(waiting?.dones ?? []), done];
      this.#brought = waiting === undefined || index > waiting.index ? { index, chunks, dones } : { ...waiting, dones };
    } else if (index <= this.#safe || index < this.#parts.raft.status().first - 1) {
      // There is one that covers it already, or will be as soon as it is read.
      this.#parts.ticker.defer(() => done(undefined));
    } else {
      this.#take({ index, chunks, dones: [done] });
    }
  }

  /** The state machine holds this snapshot instead of what it had. */
  restored({ last }: SnapshotMeta): void {
    this.#counts.restored += 1;
    this.#applied = last.index;
    this.#safe = last.index;
    this.#compacted = last.index;
    this.#entriesSince = 0;
    this.#bytesSince = 0;
    this.#bytesSinceCompaction = 0;
    this.#tail.restart(last.index);
    this.#dropTakenOver();
  }

  /** The core asks for snapshots to be sent to these followers. */
  wanted(followers: readonly NodeId[]): void {
    for (const to of followers) if (!this.#sending.has(to)) this.#send(to);
  }

  /** Leadership is over: no follower of this node needs anything any more. */
  cancelSends(): void {
    for (const { cancel } of [...this.#sending.values()]) cancel();
  }

  /** Who is no member any more needs nothing. */
  cancelSendsToOthers(members: readonly NodeId[]): void {
    for (const [to, { cancel }] of [...this.#sending]) if (!members.includes(to)) cancel();
  }

  /** A leader offers a snapshot. */
  offered(from: NodeId, meta: SnapshotMeta): SnapshotSink | undefined {
    const { snapshots, log, hasLog } = this.#parts;
    const fields = { from, index: meta.last.index, term: meta.last.term, applied: this.#applied };
    // With an empty log beside it, a snapshot is taken for what is left of a member whose log is lost.
    if (!hasLog()) {
      log('info', 'snapshot refused for now: the log of this node has not begun', fields);
      return undefined;
    }
    const isGoing = this.#dropping !== undefined && meta.last.index < this.#dropping;
    if (this.#isStopped || isGoing || meta.last.index <= this.#applied || this.#receiving !== undefined) {
      log('info', 'snapshot refused: it is not needed, or another one is on its way or being removed', fields);
      return undefined;
    }
    log('info', 'snapshot is being received', fields);
    const sink = this.#watched(snapshots.create(meta), (isStored) => {
      if (this.#receiving?.sink === sink) this.#receiving = undefined;
      if (!isStored) return;
      this.#received = meta.last;
      this.#counts.received += 1;
      log('info', 'snapshot received and stored', fields);
      this.#drop(meta.last.index);
    });
    this.#receiving = { sink, index: meta.last.index };
    return sink;
  }

  /** Whether the bytes of the snapshot that ends at `last` are here. */
  isStored(last: LogId): boolean {
    const newest = this.#parts.snapshots.newest()?.last;
    return [newest, this.#received].some((stored) => stored?.index === last.index && stored.term === last.term);
  }

  stop(): void {
    this.#isStopped = true;
    this.cancelSends();
    this.#receiving?.sink.abort();
  }

  /** An error of the disk stops the node, whoever was writing. */
  #watched(sink: SnapshotSink, ended: (isStored: boolean) => void): SnapshotSink {
    const { failed, ticker } = this.#parts;
    let isAborted = false;
    const refuse = (done: Done): void => ticker.defer(() => done(aborted));
    const checked =
      (done: Done, isCommit: boolean): Done =>
      (error) => {
        if (error !== undefined || isCommit) ended(error === undefined);
        if (error !== undefined) failed(error);
        done(error);
      };
    return {
      // Whoever streams may hear of the end of this node only after it has brought more.
      write: (chunk, done) => (isAborted ? refuse(done) : sink.write(chunk, checked(done, false))),
      commit: (done) => (isAborted ? refuse(done) : sink.commit(checked(done, true))),
      abort: () => {
        isAborted = true;
        ended(false);
        sink.abort();
      },
    };
  }

  #take({ index: at, chunks, dones }: Brought): void {
    const { raft, snapshots, log, failed } = this.#parts;
    const meta = raft.metaAt(at);
    this.#isTaking = true;
    this.#entriesSince = 0;
    this.#bytesSince = 0;
    writeWhole(chunks, snapshots.create(meta), (error) => {
      this.#isTaking = false;
      const brought = this.#brought;
      this.#brought = undefined;
      if (this.#isStopped || error !== undefined) {
        if (error !== undefined && !this.#isStopped) failed(error);
        for (const done of [...dones, ...(brought?.dones ?? [])]) done(error ?? new StoppedError(undefined));
        return;
      }
      const { index, term } = meta.last;
      log('info', 'snapshot taken', { index, term });
      this.#counts.taken += 1;
      if (index > this.#safe) {
        this.#safe = index;
        this.#compact();
        this.#drop(index);
      }
      for (const done of dones) done(undefined);
      if (brought !== undefined) this.bring(brought.index, brought.chunks, all(brought.dones));
    });
  }

  /** It stays in the log until a compaction; counted as the log counts its memory, which is what must stay bounded. */
  #entryKept(entry: Entry): void {
    const bytes = entryBytes(entry);
    this.#bytesSinceCompaction += bytes;
    this.#tail.push(bytes);
  }

  /** Shrinks the log in steps worth a write. */
  #compact(): void {
    const { settings, rules, step, machine } = this.#parts;
    const untilTail = (this.#tail.first - 1) as Index;
    const through = rules.compactThrough({ applied: this.#applied, safe: this.#safe, untilTail });
    const gain = through - this.#compacted;
    if (gain < 1) return;
    const enough = machine.kind === 'memory' || gain * 8 >= settings.catchUpEntries;
    if (!enough && this.#bytesSinceCompaction * 4 < settings.catchUpBytes) return;
    this.#compacted = through;
    this.#bytesSinceCompaction = 0;
    step({ kind: 'compacted', through });
  }

  /** What the state machine holds is durable in a machine on disk; one in memory starts from the file again. */
  #dropTakenOver(): void {
    this.#drop((this.#parts.machine.kind === 'durable' ? this.#applied + 1 : this.#applied) as Index);
  }

  /** One that was received and not needed after all: the log has brought the same entries meanwhile. */
  #dropOvertaken(): void {
    const newest = this.#parts.snapshots.newest();
    if (newest !== undefined && newest.last.index <= this.#safe) this.#drop((this.#safe + 1) as Index);
  }

  /**
   * Drops snapshots that end before `index`, but none that is still to be sent, stored or restored. Those before one that was
   * just stored go as well: a leader whose word of them never arrived sends newer and newer ones, and each would stay. One
   * removal at a time: two would meet at a file.
   */
  #drop(index: Index): void {
    const { raft, snapshots, toRestore, failed } = this.#parts;
    if (this.#dropping !== undefined) {
      this.#dropNext = Math.max(this.#dropNext ?? index, index) as Index;
      return;
    }
    const base = (raft.status().first - 1) as Index;
    const awaited = [toRestore(), base, this.#received?.index, this.#receiving?.index]
      .filter((end) => end !== undefined)
      .filter((end) => end > this.#applied);
    const toSend = [...this.#sending.values()].map((transfer) => transfer.index);
    this.#dropping = Math.min(index, ...awaited, ...toSend) as Index;
    snapshots.removeBefore(this.#dropping, (error) => {
      const next = this.#dropNext;
      this.#dropping = undefined;
      this.#dropNext = undefined;
      if (this.#isStopped) return;
      if (error !== undefined) failed(error);
      else if (next !== undefined && next > index) this.#drop(next);
    });
  }

  #send(to: NodeId): void {
    const { machine, raft, snapshots, step } = this.#parts;
    const fail = (error: Error): void => this.#sendEnded(to, undefined, error);
    const opened: Completion<SnapshotSource> = (outcome) => {
      if (outcome.kind === 'failed') fail(outcome.error);
      else if (this.#isStopped || !this.#sending.has(to)) outcome.value.close();
      else this.#stream(to, outcome.value);
    };
    if (machine.kind === 'durable') {
      if (this.#applied + 1 < raft.status().first) {
        // The state is still being read from the snapshot that the log begins with: it is told once more what is wanted.
        step({ kind: 'snapshotFailed', to });
        return;
      }
      const meta = raft.metaAt(this.#applied);
      this.#sending.set(to, { cancel: () => this.#sendEnded(to, undefined, cancelled), index: meta.last.index });
      machine.snapshot(meta, opened);
      return;
    }
    const newest = snapshots.newest();
    if (newest === undefined || newest.last.index > this.#applied) {
      // There is none of the state that this node has: it is behind a snapshot that it has just received itself.
      step({ kind: 'snapshotFailed', to });
      return;
    }
    const cancel = (): void => this.#sendEnded(to, undefined, cancelled);
    this.#sending.set(to, { cancel, index: newest.last.index });
    snapshots.open(newest.last, opened);
  }

  #stream(to: NodeId, source: SnapshotSource): void {
    const { transport, ticker, settings, log } = this.#parts;
    const { meta } = source;
    let isOver = false;
    const finish = (error: Error | undefined): void => {
      if (isOver) return;
      isOver = true;
      cancelTimer();
      this.#sendEnded(to, meta, error);
    };
    log('info', 'snapshot is being sent', { to, index: meta.last.index, term: meta.last.term });
    const cancelTransfer = transport.sendSnapshot(to, source, finish);
    const cancel = (): void => {
      finish(cancelled);
      cancelTransfer();
    };
    const cancelTimer = ticker.after(settings.snapshotTransferTicks, cancel);
    this.#sending.set(to, { cancel, index: meta.last.index });
  }

  #sendEnded(to: NodeId, meta: SnapshotMeta | undefined, error: Error | undefined): void {
    this.#sending.delete(to);
    if (this.#isStopped) return;
    const { step, log } = this.#parts;
    if (error === undefined && meta !== undefined) {
      this.#counts.sent += 1;
      log('info', 'snapshot sent', { to, index: meta.last.index });
      step({ kind: 'snapshotSent', to, snapshot: meta });
      return;
    }
    this.#counts.sendsFailed += 1;
    log('warn', 'snapshot could not be sent', { to, reason: error?.message });
    step({ kind: 'snapshotFailed', to });
  }
}

function all(dones: readonly Done[]): Done {
  return (error) => {
    for (const done of dones) done(error);
  };
}

const cancelled = new Error('the transfer was given up');
const aborted = new Error('the snapshot is not taken in any more');
