// A client that watches all keys and never gives up: when its member dies it goes on with another, from the revision after
// the last it has seen. What it was told must be the history, every change once and in order.

import type { WatchEvent, WatchResponse, WatchStream } from '@kontiki/kv';
import type { RunningMember } from '@kontiki/member';
import type { Chance } from './chance.ts';
import type { ReportViolation } from './checkers/names.ts';
import { WatchGuarantees } from './checkers/watch-guarantees.ts';
import type { Oracle } from './oracle.ts';

type Told =
  | { readonly kind: 'events'; readonly revision: number; readonly events: readonly WatchEvent[] }
  | { readonly kind: 'progress'; readonly revision: number }
  | { readonly kind: 'created'; readonly at: number; readonly isResumed: boolean }
  /** Compaction was faster: the watch goes on at `compactRevision`. */
  | { readonly kind: 'overtaken'; readonly compactRevision: number };

export interface WatcherHooks {
  readonly violation: ReportViolation;
  readonly after: (ticks: number, task: () => void) => void;
  /** Skips a revision on every resume: for tests of the judge. */
  readonly skips: boolean;
}

export class Watcher {
  readonly #name: string;
  readonly #chance: Chance;
  readonly #hooks: WatcherHooks;
  #guarantees: WatchGuarantees | undefined;
  /** The client itself has been told everything up to here; the judge may be behind. */
  #seen: number | undefined;
  #told: Told[] = [];
  #stream: WatchStream | undefined;
  #connection = 0;
  #events = 0;
  #resumes = 0;

  constructor(name: string, chance: Chance, hooks: WatcherHooks) {
    this.#name = name;
    this.#chance = chance;
    this.#hooks = hooks;
  }

  get isConnected(): boolean {
    return this.#stream !== undefined;
  }

  get counts(): { readonly events: number; readonly resumes: number } {
    return { events: this.#events, resumes: this.#resumes };
  }

  get through(): number {
    return this.#guarantees?.through ?? 0;
  }

  connect(member: RunningMember): void {
    this.#connection += 1;
    const connection = this.#connection;
    if (this.#seen !== undefined) this.#resumes += 1;
    const skipped = this.#hooks.skips && this.#resumes > 0 ? 1 : 0;
    const startRevision = this.#seen === undefined ? 0 : this.#seen + 1 + skipped;
    const stream = member.watch({ send: (response) => this.#take(connection, response) });
    this.#stream = stream;
    stream.create({
      key: '\0',
      rangeEnd: '\0',
      startRevision,
      watchId: 0,
      prevKv: this.#chance.oneIn(4),
      fragment: false,
      progressNotify: true,
      filters: [],
    });
  }

  /** The member is gone, or the client goes elsewhere. */
  disconnect(): void {
    this.#connection += 1;
    this.#stream?.close();
    this.#stream = undefined;
  }

  askProgress(): void {
    this.#stream?.requestProgress();
  }

  /** What was told and is not in the history yet: the member that told it may have died before it was heard itself. */
  get ahead(): number {
    return this.#told.length;
  }

  /** Compares what was told with the history, as far as that is known. */
  verify(oracle: Oracle): void {
    const told = this.#told;
    const known = told.findIndex((one) => 'revision' in one && one.revision > oracle.revision);
    this.#told = known < 0 ? [] : told.splice(known);
    this.#guarantees ??= new WatchGuarantees(
      this.#name,
      (revision) => oracle.changesOf(revision),
      this.#hooks.violation,
    );
    const guarantees = this.#guarantees;
    for (const one of told) {
      switch (one.kind) {
        case 'created':
          guarantees.created(one.at);
          if (one.isResumed) guarantees.resumed();
          break;
        case 'events':
          this.#events += one.events.length;
          guarantees.events(one.revision, one.events);
          break;
        case 'progress':
          guarantees.progress(one.revision);
          break;
        case 'overtaken':
          guarantees.overtaken(one.compactRevision);
      }
    }
  }

  #take(connection: number, response: WatchResponse): boolean {
    if (connection !== this.#connection) return true;
    switch (response.kind) {
      case 'created':
        // etcd: without a start revision, from the next one on.
        this.#told.push({ kind: 'created', at: response.revision, isResumed: this.#seen !== undefined });
        this.#seen ??= response.revision;
        break;
      case 'events':
        this.#told.push({ kind: 'events', revision: response.revision, events: response.events });
        this.#see(response.events.at(-1)?.modRevision ?? 0);
        break;
      case 'progress':
        this.#told.push({ kind: 'progress', revision: response.revision });
        this.#see(response.revision);
        break;
      case 'canceled':
        this.#told.push({ kind: 'overtaken', compactRevision: response.compactRevision });
        this.#see(response.compactRevision - 1);
        this.#stream = undefined;
        this.#connection += 1;
        return true;
      case 'refused':
        this.#hooks.violation('KnownErrors', `${this.#name} was refused: ${response.reason}`);
    }
    if (!this.#chance.oneIn(6)) return true;
    // Some are so slow that a compaction overtakes them.
    const most = this.#chance.oneIn(20) ? 400 : 12;
    this.#hooks.after(this.#chance.between(1, most), () => {
      if (connection === this.#connection) this.#stream?.resume();
    });
    return false;
  }

  #see(revision: number): void {
    this.#seen = Math.max(this.#seen ?? 0, revision);
  }
}
