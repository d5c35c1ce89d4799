// All watchers of a store. Those that have seen everything (synced) are told of each revision as it is applied; those that
// have not (unsynced: they asked for the past, or their sink was full when something came) read history, in passes with a
// budget. None is ever skipped: history is the buffer, and a watcher that compaction overtakes is told so and ended.
//
// Synchronous and deterministic; time comes as ticks. How responses reach a client is not known here.

import type { WatchEvent, WatchSink, WatchStream } from './api.ts';
import type { History, HistoryListener, RevisionEvents } from './history.ts';
import { assert } from './invariant.ts';
import { type KvRules, kvRules } from './rules.ts';
import { type CaughtUp, catchUp } from './watch-catch-up.ts';
import { HubStream, type StreamOwner, type WatchLimits } from './watch-stream.ts';
import { type Watcher, WatcherIndex } from './watch-watcher.ts';

export interface WatchStreamOptions {
  /** Between two progress reports of the stream: the interval and whatever jitter the caller drew. */
  readonly progressTicks: number;
}

export interface WatchCounts {
  readonly streams: number;
  readonly watchers: number;
  /** Those that lie behind. */
  readonly unsynced: number;
}

const limitsDefault: WatchLimits = {
  // etcd's limit of a request and its allowance for the envelope.
  fragmentBytes: 1.5 * 2 ** 20 + 512 * 2 ** 10,
  watchersPerStream: 100_000,
  waitingResponses: 1024,
};
/** Watchers of one pass over history. */
const watchersPerPass = 512;

export class WatchHub {
  readonly #history: History;
  readonly #rules: KvRules;
  readonly #owner: StreamOwner;
  readonly #listener: HistoryListener;
  readonly #streams = new Set<HubStream>();
  #watchers = 0;
  readonly #synced = new WatcherIndex();
  /** In the order of their turns. */
  readonly #unsynced = new Set<Watcher>();
  /** Synced watchers have been told everything up to here. */
  #revision: number;
  /** Ticks since the hub was made. */
  #now = 0;
  #nextProgressAt = Number.POSITIVE_INFINITY;

  /** Listens to the store while there are watchers, so that without any the store makes no events. */
  constructor(history: History, limits: Partial<WatchLimits> = {}, rules: KvRules = kvRules) {
    const hub = this;
    this.#rules = rules;
    this.#history = history;
    this.#revision = history.revision;
    this.#listener = {
      applied: (revisions) => this.#applied(revisions),
      compacted: () => {},
      restored: () => this.#restored(),
    };
    this.#owner = {
      limits: { ...limitsDefault, ...limits },
      rules,
      get revision() {
        return hub.#watchers > 0 ? hub.#revision : history.revision;
      },
      admit: (watcher) => this.#admit(watcher),
      dismiss: (watcher) => this.#dismiss(watcher),
      closed: (stream) => this.#streams.delete(stream),
    };
  }

  /** The sink neither throws nor calls `resume` before its `send` has returned. */
  openStream(sink: WatchSink, { progressTicks }: WatchStreamOptions): WatchStream {
    const stream = new HubStream(this.#owner, sink, progressTicks, this.#now);
    this.#streams.add(stream);
    this.#nextProgressAt = Math.min(this.#nextProgressAt, stream.progressAt);
    return stream;
  }

  /** Ticks have passed. */
  advance(ticks: number): void {
    this.#now += ticks;
    if (this.#now < this.#nextProgressAt) return;
    this.#nextProgressAt = Number.POSITIVE_INFINITY;
    for (const stream of this.#streams) {
      if (stream.progressAt <= this.#now) stream.reportProgress(this.#now);
      this.#nextProgressAt = Math.min(this.#nextProgressAt, stream.progressAt);
    }
  }

  /**
   * Lets watchers that lie behind read history, for about `budget` bytes. Answers whether another pass would find
   * something to do now: a watcher whose sink is full waits for its `resume`.
   */
  syncWatchers(budget: number): boolean {
    const chosen = this.#choose();
    if (chosen.length > 0) {
      for (const [watcher, caughtUp] of catchUp(this.#history, chosen, budget, this.#rules))
        this.#deliver(watcher, caughtUp);
    }
    for (const watcher of this.#unsynced) if (watcher.stream.takesHistory) return true;
    return false;
  }

  counts(): WatchCounts {
    return { streams: this.#streams.size, watchers: this.#watchers, unsynced: this.#unsynced.size };
  }

  /** Those whose turn it is and whose stream takes something. Ends those that compaction has overtaken. */
  #choose(): readonly Watcher[] {
    const { compactRevision } = this.#history;
    const chosen: Watcher[] = [];
    for (const watcher of this.#unsynced) {
      if (!watcher.stream.takesHistory) continue;
      const isCompacted = watcher.nextRevision < compactRevision;
      if (isCompacted && this.#rules.whenCompacted() === 'cancelled') {
        watcher.stream.cancelCompacted(watcher, compactRevision);
        continue;
      }
      watcher.nextRevision = Math.max(watcher.nextRevision, compactRevision);
      if (chosen.push(watcher) === watchersPerPass) break;
    }
    return chosen;
  }

  #deliver(watcher: Watcher, { events, nextRevision }: CaughtUp): void {
    if (watcher.state === 'gone') return;
    if (events.length > 0) {
      // Another watcher's events have filled the sink: this one keeps its place and its turn.
      if (!watcher.stream.takesHistory) return;
      watcher.stream.sendEvents(watcher, events, this.#revision);
    }
    if (!this.#unsynced.delete(watcher)) return;
    watcher.nextRevision = nextRevision;
    this.#place(watcher);
  }

  #applied(revisions: readonly RevisionEvents[]): void {
    for (const { revision, events } of revisions) {
      assert(revision === this.#revision + 1, `revision ${revision} was told after ${this.#revision}`);
      this.#revision = revision;
      const concerned = new Map<Watcher, WatchEvent[]>();
      for (const event of events) {
        this.#synced.visit(event.key, (watcher) => {
          if (!this.#rules.concerns(revision, watcher.nextRevision) || !watcher.wants(event)) return;
          const own = concerned.get(watcher);
          if (own === undefined) concerned.set(watcher, [event]);
          else own.push(event);
        });
      }
      for (const [watcher, own] of concerned) this.#tell(watcher, own, revision);
    }
  }

  #tell(watcher: Watcher, events: readonly WatchEvent[], revision: number): void {
    if (watcher.state === 'gone') return;
    if (watcher.stream.isWritable) {
      watcher.nextRevision = revision + 1;
      for (const part of this.#rules.responses(events)) watcher.stream.sendEvents(watcher, part, revision);
      return;
    }
    if (this.#rules.whenFull() === 'dropped') return;
    this.#synced.delete(watcher);
    watcher.nextRevision = revision;
    this.#place(watcher);
  }

  /** Another state is there: what lies between is read from its history, if that still has it. */
  #restored(): void {
    const told = this.#revision;
    this.#revision = this.#history.revision;
    if (!this.#rules.rereadsAfterInstall()) return;
    for (const stream of this.#streams) {
      for (const watcher of stream.watchers()) {
        if (watcher.state !== 'synced') continue;
        this.#synced.delete(watcher);
        watcher.nextRevision = Math.max(watcher.nextRevision, told + 1);
        this.#place(watcher);
      }
    }
  }

  #admit(watcher: Watcher): void {
    if (this.#watchers === 0) {
      this.#revision = this.#history.revision;
      this.#history.listen(this.#listener);
    }
    this.#watchers += 1;
    this.#place(watcher);
  }

  #dismiss(watcher: Watcher): void {
    if (watcher.state === 'synced') this.#synced.delete(watcher);
    else this.#unsynced.delete(watcher);
    watcher.state = 'gone';
    this.#watchers -= 1;
    if (this.#watchers === 0) this.#history.listen(undefined);
  }

  #place(watcher: Watcher): void {
    if (this.#rules.isSynced(watcher.nextRevision, this.#revision)) {
      watcher.state = 'synced';
      this.#synced.add(watcher);
    } else {
      watcher.state = 'unsynced';
      this.#unsynced.add(watcher);
    }
  }
}
