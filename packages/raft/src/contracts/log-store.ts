// What any `LogStore` must hold. Run it on yours: `logStoreSuite({ test, create })`.

import type {
  Configuration,
  Entry,
  Index,
  LogId,
  NodeId,
  Persist,
  PersistId,
  SnapshotMeta,
  Term,
} from '../core/api.ts';
import type { LogStore } from '../driver/ports.ts';
import { check, done, type Register, type Rig, same, withRig } from './suite.ts';

export interface LogStoreRig extends Rig {
  /** Opens the log of this rig: empty the first time, afterwards as the last store left it. */
  open(): Promise<LogStore>;
  /** The process ends without closing anything, and what was not synced is gone. Absent where that cannot be had. */
  crash?: () => Promise<void> | void;
}

const members: Configuration = {
  voters: ['a', 'b'] as NodeId[],
  outgoing: ['a'] as NodeId[],
  learners: ['c'] as NodeId[],
  addresses: [['a' as NodeId, Uint8Array.of(1, 2, 3)]],
};

function at(term: number, index: number): LogId {
  return { term: term as Term, index: index as Index };
}

function command(term: number, index: number, ...bytes: readonly number[]): Entry {
  return { kind: 'command', ...at(term, index), data: Uint8Array.from(bytes) };
}

function noop(term: number, index: number): Entry {
  return { kind: 'noop', ...at(term, index) };
}

function hard(term: number, commit: number, votedFor?: string): Persist['hardState'] {
  return { term: term as Term, votedFor: votedFor as NodeId | undefined, commit: commit as Index };
}

function base(term: number, index: number): SnapshotMeta {
  return { last: at(term, index), configuration: members };
}

/** Numbers writes as the core does. */
class Writer {
  readonly #rig: LogStoreRig;
  readonly #store: LogStore;
  #id = 0;

  constructor(rig: LogStoreRig, store: LogStore) {
    this.#rig = rig;
    this.#store = store;
  }

  write(fields: Partial<Persist>): Promise<void> {
    this.#id += 1;
    const write: Persist = {
      id: this.#id as PersistId,
      sync: true,
      hardState: undefined,
      base: undefined,
      entries: [],
      ...fields,
    };
    return done(this.#rig, (answer) => this.#store.append(write, answer));
  }
}

async function reopened(rig: LogStoreRig, store: LogStore): Promise<LogStore> {
  await done(rig, (answer) => store.close(answer));
  return rig.open();
}

export function logStoreSuite(parts: {
  readonly test: Register;
  readonly create: () => Promise<LogStoreRig> | LogStoreRig;
}): void {
  const test = withRig(parts.test, parts.create);

  test('a log store begins empty: term 0, no vote, nothing before index 1', async (rig) => {
    const { recovered } = await rig.open();

    same(recovered.hardState, hard(0, 0), 'the first hard state');
    same(recovered.base.last, at(0, 0), 'the first base');
    same(recovered.base.configuration.voters, [], 'nobody is a member yet');
    same(recovered.entries, [], 'no entries');
  });

  test('a log store gives back what was synced: every kind of entry, term, vote and commit', async (rig) => {
    const store = await rig.open();
    const entries: readonly Entry[] = [
      noop(1, 1),
      command(1, 2),
      command(1, 3, 1, 2, 3),
      { kind: 'configuration', ...at(2, 4), configuration: members },
    ];
    await new Writer(rig, store).write({ hardState: hard(2, 3, 'b'), entries });
    const { recovered } = await reopened(rig, store);

    same(recovered.hardState, hard(2, 3, 'b'), 'the hard state');
    same(recovered.entries, entries, 'the entries');
  });

  test('what a log store recovered does not change while it is written to', async (rig) => {
    const store = await rig.open();
    const before = store.recovered;
    await new Writer(rig, store).write({ hardState: hard(1, 0), entries: [noop(1, 1)] });

    check(store.recovered === before || store.recovered.entries.length === 0, 'recovered is what was found');
  });

  test('a log store keeps the configuration that a cluster begins with', async (rig) => {
    const store = await rig.open();
    await new Writer(rig, store).write({ base: base(0, 0) });
    const { recovered } = await reopened(rig, store);

    same(recovered.base, base(0, 0), 'the base');
    same(recovered.entries, [], 'no entries');
  });

  test('entries cut off whatever followed their first index', async (rig) => {
    const store = await rig.open();
    const writer = new Writer(rig, store);
    await writer.write({ hardState: hard(1, 0), entries: [1, 2, 3, 4].map((index) => command(1, index, index)) });
    await writer.write({ hardState: hard(2, 0), entries: [command(2, 3, 9)] });
    const { recovered } = await reopened(rig, store);

    same(recovered.entries, [command(1, 1, 1), command(1, 2, 2), command(2, 3, 9)], 'entry 3 is new and 4 is gone');
  });

  test('a base inside the log drops what it covers and keeps the tail', async (rig) => {
    const store = await rig.open();
    const writer = new Writer(rig, store);
    await writer.write({ hardState: hard(1, 3), entries: [1, 2, 3, 4].map((index) => command(1, index, index)) });
    await writer.write({ base: base(1, 3) });
    await writer.write({ entries: [command(1, 5, 5)] });
    const { recovered } = await reopened(rig, store);

    same(recovered.base, base(1, 3), 'the base');
    same(recovered.entries, [command(1, 4, 4), command(1, 5, 5)], 'the tail');
    same(recovered.hardState, hard(1, 3), 'the hard state is untouched');
  });

  test('a base beyond the log, or of another term than the entry there, replaces the log', async (rig) => {
    const store = await rig.open();
    const writer = new Writer(rig, store);
    await writer.write({ hardState: hard(1, 0), entries: [1, 2, 3, 4].map((index) => command(1, index, index)) });
    await writer.write({ hardState: hard(2, 3), base: base(2, 3) });
    const second = await reopened(rig, store);
    same(second.recovered.base, base(2, 3), 'the base of another term');
    same(second.recovered.entries, [], 'no entry follows from it');

    const later = new Writer(rig, second);
    await later.write({ hardState: hard(2, 9), base: base(2, 9), entries: [command(2, 10, 1)] });
    const { recovered } = await reopened(rig, second);

    same(recovered.base, base(2, 9), 'the base beyond the log');
    same(recovered.entries, [command(2, 10, 1)], 'what follows from it');
  });

  test('a write without sync is durable with the next that has it', async (rig) => {
    const store = await rig.open();
    const writer = new Writer(rig, store);
    await writer.write({ hardState: hard(1, 0), entries: [noop(1, 1), noop(1, 2)] });
    await writer.write({ sync: false, hardState: hard(1, 1) });
    await writer.write({ sync: false, hardState: hard(1, 2) });
    await writer.write({ entries: [noop(1, 3)] });
    await rig.crash?.();
    const { recovered } = rig.crash === undefined ? await reopened(rig, store) : await rig.open();

    same(recovered.hardState, hard(1, 2), 'the commit index');
    same(recovered.entries.length, 3, 'the entries');
  });

  test('every write that was answered survives a crash', async (rig) => {
    if (rig.crash === undefined) return;
    const store = await rig.open();
    const writer = new Writer(rig, store);
    await writer.write({ hardState: hard(1, 0, 'a'), entries: [noop(1, 1)] });
    await writer.write({ entries: [command(1, 2, 7)] });
    await rig.crash();
    const { recovered } = await rig.open();

    same(recovered.hardState, hard(1, 0, 'a'), 'the vote');
    same(recovered.entries, [noop(1, 1), command(1, 2, 7)], 'the entries');
  });

  test('a log store takes large entries and many of them', async (rig) => {
    const store = await rig.open();
    const large: Entry = { kind: 'command', ...at(1, 1), data: new Uint8Array(2 * 1024 * 1024).fill(7) };
    const many = Array.from({ length: 3000 }, (_, n) => command(1, n + 2, n % 256));
    const writer = new Writer(rig, store);
    await writer.write({ hardState: hard(1, 0), entries: [large] });
    await writer.write({ entries: many });
    const { recovered } = await reopened(rig, store);

    same(recovered.entries, [large, ...many], 'all of it');
  });

  test('opening a log again and again changes nothing', async (rig) => {
    let store = await rig.open();
    await new Writer(rig, store).write({ hardState: hard(3, 1, 'a'), entries: [noop(3, 1), command(3, 2, 1)] });
    for (let times = 0; times < 3; times++) {
      store = await reopened(rig, store);
      same(store.recovered.hardState, hard(3, 1, 'a'), 'the hard state');
      same(store.recovered.entries, [noop(3, 1), command(3, 2, 1)], 'the entries');
    }
  });
}
