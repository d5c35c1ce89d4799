// One client's watchers and the one ordered way to that client. Nothing overtakes: what cannot be sent now waits in line,
// and of events no more than the rest of one response ever waits, because a watcher behind a full sink is unsynced and
// reads history later. Which events there are is the hub's affair.

import type { WatchCreateRequest, WatchEvent, WatchResponse, WatchSink, WatchStream } from './api.ts';
import type { KvRules } from './rules.ts';
import type { KeyRange } from './watch-ranges.ts';
import { eventFilter, type Watcher, watchedRange } from './watch-watcher.ts';

/** What a stream needs of the hub. */
export interface StreamOwner {
  readonly limits: WatchLimits;
  readonly rules: KvRules;
  /** Of the last revision that synced watchers were told. */
  readonly revision: number;
  /** Takes a new watcher in. Sends nothing. */
  admit(watcher: Watcher): void;
  /** Forgets a watcher. */
  dismiss(watcher: Watcher): void;
  closed(stream: HubStream): void;
}

export interface WatchLimits {
  /** A response of at least so many bytes is fragmented when the watcher asked for it. */
  readonly fragmentBytes: number;
  readonly watchersPerStream: number;
  /** Answers that wait for a sink that takes no more. Beyond, `create` and `cancel` throw: the caller should not have
   *  read on. */
  readonly waitingResponses: number;
}

export const watchReasons = {
  // etcd's texts, which clients compare.
  duplicateId: 'mvcc: duplicate watch ID provided on the WatchStream',
  emptyRange: 'mvcc: watcher range is empty',
  compacted: 'etcdserver: mvcc: required revision has been compacted',
  // Ours: etcd has no such bound.
  tooManyWatchers: 'kontiki: too many watchers on the stream',
} as const;

/** Header, ids and flags of a response, generously. */
const responseOverheadBytes = 64;
/** Tag and length around an event, generously. */
const eventOverheadBytes = 6;

/** Shared, and always empty. */
const noWatchers = new Map<number, Watcher>();

export class HubStream implements WatchStream {
  readonly #owner: StreamOwner;
  readonly #sink: WatchSink;
  /** Of its own once there is one: streams on which nothing was asked yet should cost little. */
  #watchers = noWatchers;
  /** Ids the stream chooses: 0, 1, 2, … and never one again. */
  #nextId = 0;
  #waiting: WatchResponse[] = [];
  #isFull = false;
  #isClosed = false;
  readonly #progressTicks: number;
  /** When progress is next reported, in the hub's ticks. */
  progressAt: number;

  constructor(owner: StreamOwner, sink: WatchSink, progressTicks: number, now: number) {
    this.#owner = owner;
    this.#sink = sink;
    this.#progressTicks = progressTicks;
    this.progressAt = now + progressTicks;
  }

  create(request: WatchCreateRequest): void {
    if (this.#isClosed) return;
    this.#checkWaiting();
    const watched = watchedRange(request);
    const reason = this.#refusal(request, watched.range);
    if (reason !== undefined) {
      this.#send({ kind: 'refused', watchId: -1, revision: this.#owner.revision, reason });
      return;
    }
    const watcher: Watcher = {
      id: request.watchId === 0 ? this.#freeId() : request.watchId,
      stream: this,
      ...watched,
      startRevision: request.startRevision,
      prevKv: request.prevKv,
      fragment: request.fragment,
      progressNotify: request.progressNotify,
      wants: eventFilter(request.filters),
      nextRevision: request.startRevision === 0 ? this.#owner.revision + 1 : request.startRevision,
      state: 'unsynced',
      isProgressDue: true,
    };
    if (this.#watchers === noWatchers) this.#watchers = new Map();
    this.#watchers.set(watcher.id, watcher);
    this.#owner.admit(watcher);
    this.#send({ kind: 'created', watchId: watcher.id, revision: this.#owner.revision });
  }

  cancel(watchId: number): void {
    const watcher = this.#watchers.get(watchId);
    if (watcher === undefined || this.#isClosed) return;
    this.#checkWaiting();
    this.#remove(watcher);
    this.#send({ kind: 'canceled', watchId, revision: this.#owner.revision, compactRevision: 0, reason: '' });
  }

  /** Answered only when every watcher of the stream has been told everything; else not at all, as in etcd. */
  requestProgress(): void {
    if (this.#watchers.size === 0 || this.#waiting.length >= this.#owner.limits.waitingResponses) return;
    for (const watcher of this.#watchers.values()) if (!this.#isUpToDate(watcher)) return;
    // Whatever waits was sent before, so this may wait behind it; one such answer says as much as two.
    if (this.#waiting.at(-1)?.kind === 'progress') this.#waiting.pop();
    this.#send({ kind: 'progress', watchId: -1, revision: this.#owner.revision });
  }

  resume(): void {
    if (this.#isClosed) return;
    this.#isFull = false;
    let sent = 0;
    for (const response of this.#waiting) {
      if (this.#isFull || this.#isClosed) break;
      sent += 1;
      this.#isFull = !this.#sink.send(response);
    }
    this.#waiting = this.#waiting.slice(sent);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    for (const watcher of [...this.#watchers.values()]) this.#remove(watcher);
    this.#owner.closed(this);
  }

  watchers(): Iterable<Watcher> {
    return this.#watchers.values();
  }

  /** Whether events may be sent now. */
  get isWritable(): boolean {
    return !this.#isFull && !this.#isClosed;
  }

  /** Whether events of the past may be sent now. */
  get takesHistory(): boolean {
    return this.isWritable && (this.#sink.takesHistory?.() ?? true);
  }

  /** Sends the events of whole revisions, in fragments if there must be. Only while the stream is writable. */
  sendEvents(watcher: Watcher, events: readonly WatchEvent[], revision: number): void {
    const { prevKv } = watcher;
    watcher.isProgressDue = false;
    const pieces = watcher.fragment ? fragments(events, prevKv, this.#owner.limits.fragmentBytes) : [events];
    for (const [at, piece] of pieces.entries()) {
      const fragment = at < pieces.length - 1;
      this.#send({ kind: 'events', watchId: watcher.id, revision, events: piece, prevKv, fragment });
    }
  }

  /** Ends a watcher whose next revision is compacted. The header's revision is 0 here, as etcd has it. */
  cancelCompacted(watcher: Watcher, compactRevision: number): void {
    this.#remove(watcher);
    this.#send({ kind: 'canceled', watchId: watcher.id, revision: 0, compactRevision, reason: '' });
  }

  /** The interval has passed: progress for each watcher that asked, has seen no events since, and is up to date. */
  reportProgress(now: number): void {
    this.progressAt = now + this.#progressTicks;
    for (const watcher of this.#watchers.values()) {
      if (!watcher.progressNotify) continue;
      if (watcher.isProgressDue && this.isWritable && this.#isUpToDate(watcher)) {
        this.#send({ kind: 'progress', watchId: watcher.id, revision: this.#owner.revision });
      }
      watcher.isProgressDue = true;
    }
  }

  /** In etcd's order. */
  #refusal(request: WatchCreateRequest, range: KeyRange | undefined): string | undefined {
    if (request.startRevision < 0) return watchReasons.compacted;
    if (range?.end !== undefined && range.start >= range.end) return watchReasons.emptyRange;
    if (request.watchId !== 0 && this.#watchers.has(request.watchId)) return watchReasons.duplicateId;
    if (this.#watchers.size >= this.#owner.limits.watchersPerStream) return watchReasons.tooManyWatchers;
    return undefined;
  }

  #isUpToDate(watcher: Watcher): boolean {
    const { revision, rules } = this.#owner;
    const { state, startRevision } = watcher;
    return rules.mayReportProgress({ isSynced: state === 'synced', startRevision, revision });
  }

  #send(response: WatchResponse): void {
    if (this.#isClosed) return;
    if (this.#isFull) this.#waiting.push(response);
    else this.#isFull = !this.#sink.send(response);
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher.id);
    this.#owner.dismiss(watcher);
  }

  #freeId(): number {
    while (this.#watchers.has(this.#nextId)) this.#nextId += 1;
    this.#nextId += 1;
    return this.#nextId - 1;
  }

  #checkWaiting(): void {
    const { waitingResponses } = this.#owner.limits;
    if (this.#waiting.length < waitingResponses) return;
    throw new Error(`${waitingResponses} answers wait on a watch stream whose sink takes no more`);
  }
}

/** At least one event each, and as many as stay below the limit. */
function fragments(
  events: readonly WatchEvent[],
  prevKv: boolean,
  bytesMax: number,
): readonly (readonly WatchEvent[])[] {
  const pieces: WatchEvent[][] = [];
  let piece: WatchEvent[] = [];
  let bytes = responseOverheadBytes;
  for (const event of events) {
    const eventBytes = (prevKv ? event.encodedWithPrevKv() : event.encoded).length + eventOverheadBytes;
    if (piece.length > 0 && bytes + eventBytes >= bytesMax) {
      pieces.push(piece);
      piece = [];
      bytes = responseOverheadBytes;
    }
    piece.push(event);
    bytes += eventBytes;
  }
  pieces.push(piece);
  return pieces;
}
