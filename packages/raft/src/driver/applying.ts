// The second loop: what is committed and durable here goes into the state machine, in order, each exactly once; whoever
// waits for it is answered.

import type { Applicable, Entry, Index, LogId, SnapshotMeta } from '../core/api.ts';
import type { CommittedCommand, SnapshotStore, StateMachine } from './ports.ts';
import type { Proposals } from './proposals.ts';
import { readWhole } from './whole-snapshot.ts';

/** What happened to the state, in order: the interface of those who apply it themselves. */
export type ApplyMessage =
  | { readonly kind: 'command'; readonly at: LogId; readonly command: Uint8Array }
  | { readonly kind: 'restore'; readonly snapshot: SnapshotMeta };

export interface ApplyListener {
  /** `false` holds the state machine up until the driver is told that there is room again. */
  hasRoom(): boolean;
  push(messages: readonly ApplyMessage[]): void;
}

export interface ApplyHooks {
  /** Everything through here is in the state machine. */
  readonly applied: (through: Index) => void;
  readonly entry: (entry: Entry) => void;
  readonly restored: (snapshot: SnapshotMeta) => void;
  readonly failed: (error: Error) => void;
}

export class Applying<Result, Query, Answer> {
  readonly #machine: StateMachine<Result, Query, Answer>;
  readonly #snapshots: SnapshotStore;
  readonly #proposals: Proposals<Result>;
  readonly #hooks: ApplyHooks;
  readonly #listeners = new Set<ApplyListener>();
  #queue: Applicable[] = [];
  #restoring: Index | undefined;
  #isStopped = false;
  #count = 0;
  #handed: Index;

  constructor(
    machine: StateMachine<Result, Query, Answer>,
    snapshots: SnapshotStore,
    proposals: Proposals<Result>,
    hooks: ApplyHooks,
    applied: Index,
  ) {
    this.#handed = applied;
    this.#machine = machine;
    this.#snapshots = snapshots;
    this.#proposals = proposals;
    this.#hooks = hooks;
    if (machine.kind === 'durable') machine.onRoom(() => this.goOn());
  }

  /** Commands applied since the start. */
  get count(): number {
    return this.#count;
  }

  /** The last entry that the state machine was given: it may be at it just now. */
  get handed(): Index {
    return this.#handed;
  }

  /** The state machine is being replaced: what it answers meanwhile is of no known index. */
  get isRestoring(): boolean {
    return this.#restoring !== undefined;
  }

  /** Where the next snapshot ends that the state machine is to be given, or is being given: it stays stored until then. */
  get toRestore(): Index | undefined {
    return this.#restoring ?? this.#queue.find((item) => item.kind === 'restore')?.snapshot.last.index;
  }

  listen(listener: ApplyListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      this.goOn();
    };
  }

  push(items: readonly Applicable[]): void {
    this.#queue.push(...items);
    this.goOn();
  }

  /** There may be room again. A state machine that throws has failed: what it holds now, nobody knows. */
  goOn(): void {
    try {
      while (this.#queue.length > 0 && !this.isRestoring && !this.#isStopped && this.#hasRoom()) {
        const entries = this.#takeEntries();
        if (entries.length > 0) this.#apply(entries);
        else this.#restore();
      }
    } catch (error: unknown) {
      this.#hooks.failed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
  }

  #hasRoom(): boolean {
    if (this.#machine.kind === 'durable' && !this.#machine.hasRoom()) return false;
    for (const listener of this.#listeners) if (!listener.hasRoom()) return false;
    return true;
  }

  #takeEntries(): readonly Entry[] {
    const entries: Entry[] = [];
    for (const item of this.#queue) {
      if (item.kind !== 'entry') break;
      entries.push(item.entry);
    }
    if (entries.length === this.#queue.length) this.#queue = [];
    else this.#queue.splice(0, entries.length);
    return entries;
  }

  #apply(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    const commands: CommittedCommand[] = [];
    for (const entry of entries) {
      if (entry.kind === 'command') commands.push({ term: entry.term, index: entry.index, command: entry.data });
    }
    this.#handed = last.index;
    const results =
      this.#machine.kind === 'durable'
        ? this.#machine.apply(commands, { term: last.term, index: last.index })
        : this.#machine.apply(commands);
    if (results.length !== commands.length) {
      throw new TypeError(`the state machine gave ${results.length} results for ${commands.length} commands`);
    }
    this.#count += commands.length;
    if (this.#listeners.size > 0) this.#tell(commands.map((at) => ({ kind: 'command', at, command: at.command })));
    this.#answer(entries, results);
    for (const entry of entries) this.#hooks.entry(entry);
    this.#hooks.applied(last.index);
  }

  /** Results are in the order of the commands among the entries. */
  #answer(entries: readonly Entry[], results: readonly Result[]): void {
    if (this.#proposals.pending === 0) return;
    const next = results[Symbol.iterator]();
    for (const entry of entries) {
      const step = entry.kind === 'command' ? next.next() : undefined;
      if (step === undefined || step.done === true) this.#proposals.passed(entry.index);
      else this.#proposals.applied(entry, step.value);
    }
  }

  #restore(): void {
    const item = this.#queue.shift();
    if (item?.kind !== 'restore') return;
    const { snapshot } = item;
    this.#restoring = snapshot.last.index;
    restoreInto(this.#machine, this.#snapshots, snapshot.last, (error) => {
      this.#restoring = undefined;
      if (this.#isStopped) return;
      if (error !== undefined) {
        this.#hooks.failed(error);
        return;
      }
      this.#handed = snapshot.last.index;
      this.#tell([{ kind: 'restore', snapshot }]);
      this.#proposals.jumped(snapshot.last.index);
      this.#hooks.restored(snapshot);
      this.#hooks.applied(snapshot.last.index);
      this.goOn();
    });
  }

  #tell(messages: readonly ApplyMessage[]): void {
    if (messages.length > 0) for (const listener of this.#listeners) listener.push(messages);
  }
}

/** Replaces the state of the machine by the stored snapshot that ends at `last`. */
export function restoreInto<Result, Query, Answer>(
  machine: StateMachine<Result, Query, Answer>,
  snapshots: SnapshotStore,
  last: LogId,
  done: (error: Error | undefined) => void,
): void {
  snapshots.open(last, (opened) => {
    if (opened.kind === 'failed') {
      done(opened.error);
      return;
    }
    const source = opened.value;
    if (machine.kind === 'durable') {
      machine.restore(source, (error) => {
        source.close();
        done(error);
      });
      return;
    }
    readWhole(source, (outcome) => {
      if (outcome.kind === 'failed') {
        done(outcome.error);
        return;
      }
      try {
        machine.restore(outcome.value);
      } catch (error: unknown) {
        done(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      done(undefined);
    });
  });
}
