// A disk in memory whose completions come in the order they were asked for, one step at a time, and the log's words for
// tests.

import type {
  Completion,
  Configuration,
  Done,
  Entry,
  HardState,
  Index,
  NodeId,
  Outcome,
  Persist,
  PersistId,
  SnapshotMeta,
  Term,
} from '@kontiki/raft';
import {
  type DiskOperation,
  MemoryDisk,
  type MemoryDiskOptions,
  openWal,
  type Wal,
  type WalEvent,
  type WalOptions,
} from '@kontiki/wal';
import { zlibChecksum } from '@kontiki/wal/node';

export const directory = '/log';

export class Rig {
  readonly disk: MemoryDisk;
  readonly events: WalEvent[] = [];
  /** Steps run so far. */
  steps = 0;
  #tasks: (() => void)[] = [];
  readonly #choose: (waiting: number) => number;

  /** `choose` picks which of the waiting operations is over next; the oldest, if it is not given. */
  constructor(options: Omit<MemoryDiskOptions, 'schedule'> = {}, choose: (waiting: number) => number = () => 0) {
    this.#choose = choose;
    this.disk = new MemoryDisk({ ...options, schedule: (task) => this.#tasks.push(task) });
  }

  /** Runs one step; false when there is none. */
  step(): boolean {
    const [task] = this.#tasks.splice(this.#choose(this.#tasks.length), 1);
    if (task === undefined) return false;
    this.steps += 1;
    task();
    return true;
  }

  /** Runs all steps, or as many as are given. */
  settle(most: number = Number.POSITIVE_INFINITY): void {
    for (let count = 0; count < most && this.step(); count++);
  }

  /** For `WalOptions.later`: one of the steps to come. */
  readonly later = (task: () => void): (() => void) => {
    let wanted = true;
    this.#tasks.push(() => wanted && task());
    return () => {
      wanted = false;
    };
  };

  /** Starts something and runs until it has answered; throws what it failed with. */
  value<T>(start: (completion: Completion<T>) => void): T {
    const answers: Outcome<T>[] = [];
    start((outcome) => answers.push(outcome));
    if (answers.length > 0) throw new Error('it completed before the call had returned');
    while (answers.length === 0) if (!this.step()) throw new Error('it never completes');
    const [outcome] = answers;
    if (outcome === undefined || answers.length > 1) throw new Error('it completed more than once');
    if (outcome.kind === 'failed') throw outcome.error;
    return outcome.value;
  }

  done(start: (done: Done) => void): void {
    this.value<undefined>((completion) =>
      start((error) =>
        completion(error === undefined ? { kind: 'done', value: undefined } : { kind: 'failed', error }),
      ),
    );
  }

  openWal(options: Partial<WalOptions> = {}): Wal {
    return this.value((completion) => openWal(this.walOptions(options), completion));
  }

  walOptions(options: Partial<WalOptions> = {}): WalOptions {
    return {
      vfs: this.disk.mount(),
      directory,
      checksum: zlibChecksum,
      segmentBytes: 4096,
      onEvent: (event) => this.events.push(event),
      ...options,
    };
  }

  append(wal: Wal, write: Persist): void {
    this.done((done) => wal.append(write, done));
  }
}

export function failing(kind: DiskOperation['kind'], path: string, code: 'IO' | 'NO_SPACE' = 'IO') {
  return (operation: DiskOperation): 'IO' | 'NO_SPACE' | undefined =>
    operation.kind === kind && operation.path.endsWith(path) ? code : undefined;
}

export function index(value: number): Index {
  return value as Index;
}

export function term(value: number): Term {
  return value as Term;
}

export function node(value: string): NodeId {
  return value as NodeId;
}

/** A command whose bytes are told by its place, so that a wrong one shows. */
export function command(at: number, inTerm = 1, bytes = 24): Entry {
  const data = Uint8Array.from({ length: bytes }, (_, byte) => (at * 31 + inTerm * 7 + byte * 13 + 1) & 255);
  return { kind: 'command', index: index(at), term: term(inTerm), data };
}

export function commands(from: number, to: number, inTerm = 1, bytes = 24): readonly Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => command(from + at, inTerm, bytes));
}

export function hardState(inTerm: number, commit: number, votedFor?: string): HardState {
  return { term: term(inTerm), commit: index(commit), votedFor: votedFor === undefined ? undefined : node(votedFor) };
}

export function configuration(...voters: string[]): Configuration {
  return {
    voters: voters.map(node),
    outgoing: [],
    learners: [],
    addresses: voters.map((name) => [node(name), Uint8Array.of(1, 2, 3)] as const),
  };
}

export function base(at: number, inTerm = 1, voters: readonly string[] = ['a', 'b', 'c']): SnapshotMeta {
  return { last: { index: index(at), term: term(inTerm) }, configuration: configuration(...voters) };
}

let writes = 0;
export function write(parts: Partial<Omit<Persist, 'id'>>): Persist {
  writes += 1;
  return { id: writes as PersistId, sync: true, hardState: undefined, base: undefined, entries: [], ...parts };
}
