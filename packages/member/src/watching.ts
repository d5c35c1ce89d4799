// The member's half of watches: opens streams on the hub, gives it time, and lets watchers that lie behind read history, a
// bounded piece per turn, at once when there is a reason and otherwise as often as etcd looks.

import type { History, KvRules, WatchCounts, WatchCreateRequest, WatchSink, WatchStream } from '@kontiki/kv';
import { WatchHub } from '@kontiki/kv';
import type { Ticker } from '@kontiki/raft';

/** etcd looks for watchers that lie behind ten times a second. */
const syncTicks = 10;
const syncBytes = 2 ** 20;

export class Watching {
  readonly #hub: WatchHub;
  readonly #ticker: Ticker;
  readonly #progressTicks: number;
  #streams = 0;
  #sinceSync = 0;
  #syncDue = false;

  /** `progressTicks`: between two progress reports of a stream. */
  constructor(history: History, ticker: Ticker, progressTicks: number, rules: KvRules) {
    this.#hub = new WatchHub(history, {}, rules);
    this.#ticker = ticker;
    this.#progressTicks = progressTicks;
  }

  counts(): WatchCounts {
    return this.#hub.counts();
  }

  open(sink: WatchSink): WatchStream {
    // etcd adds up to a tenth, so that streams opened together do not report together; which tenth matters to nobody.
    const tenth = Math.floor(this.#progressTicks / 10);
    const jitter = tenth === 0 ? 0 : (this.#streams++ * 7919) % tenth;
    const stream = this.#hub.openStream(sink, { progressTicks: this.#progressTicks + jitter });
    return new SyncedStream(stream, this.#syncSoon);
  }

  advance(elapsed: number): void {
    this.#hub.advance(elapsed);
    this.#sinceSync += elapsed;
    if (this.#sinceSync < syncTicks) return;
    this.#sinceSync = 0;
    this.#syncSoon();
  }

  readonly #syncSoon = (): void => {
    if (this.#syncDue || this.#hub.counts().unsynced === 0) return;
    this.#syncDue = true;
    this.#ticker.defer(() => {
      this.#syncDue = false;
      if (this.#hub.syncWatchers(syncBytes)) this.#syncSoon();
    });
  };
}

/** A watcher of the past, and one whose sink was full, begins to read at once and not at the next look. */
class SyncedStream implements WatchStream {
  readonly #stream: WatchStream;
  readonly #syncSoon: () => void;

  constructor(stream: WatchStream, syncSoon: () => void) {
    this.#stream = stream;
    this.#syncSoon = syncSoon;
  }

  create(request: WatchCreateRequest): void {
    this.#stream.create(request);
    this.#syncSoon();
  }

  cancel(watchId: number): void {
    this.#stream.cancel(watchId);
  }

  requestProgress(): void {
    this.#stream.requestProgress();
  }

  resume(): void {
    this.#stream.resume();
    this.#syncSoon();
  }

  close(): void {
    this.#stream.close();
  }
}
