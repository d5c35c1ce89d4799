// What any `StateMachine` must hold, as far as it can be seen from outside. Run it on yours with commands that change it
// and a question whose answer shows its whole state.

import type { Index, LogId, NodeId, SnapshotMeta, Term } from '../core/api.ts';
import type {
  CommittedCommand,
  DurableStateMachine,
  MemoryStateMachine,
  Outcome,
  SnapshotSource,
  StateMachine,
} from '../driver/ports.ts';
import { readAll } from './snapshot-store.ts';
import { check, completed, done, type Register, type Rig, same, until, withRig } from './suite.ts';

export interface StateMachineRig<Result, Query, Answer> extends Rig {
  /** A machine without any state, apart from all others. */
  fresh(): Promise<StateMachine<Result, Query, Answer>> | StateMachine<Result, Query, Answer>;
}

export interface StateMachineSuite<Result, Query, Answer> {
  readonly test: Register;
  readonly create: () => Promise<StateMachineRig<Result, Query, Answer>> | StateMachineRig<Result, Query, Answer>;
  /** At least four, each of which changes the state. */
  readonly commands: readonly Uint8Array[];
  /** A question whose answer shows the whole state. */
  readonly whole: Query;
}

function committed(commands: readonly Uint8Array[], from = 1): readonly CommittedCommand[] {
  return commands.map((command, n) => ({ term: 1 as Term, index: (from + n) as Index, command }));
}

function metaAt({ term, index }: LogId): SnapshotMeta {
  const configuration = { voters: ['a' as NodeId], outgoing: [], learners: [], addresses: [] };
  return { last: { term, index }, configuration };
}

function apply<R>(machine: StateMachine<R, unknown, unknown>, batch: readonly CommittedCommand[]): readonly R[] {
  const last = batch.at(-1);
  if (machine.kind === 'memory') return machine.apply(batch);
  return last === undefined ? [] : machine.apply(batch, { term: last.term, index: last.index });
}

export function stateMachineSuite<R, Q, A>({
  test: register,
  create,
  commands,
  whole,
}: StateMachineSuite<R, Q, A>): void {
  const test = withRig(register, create);
  const batch = committed(commands);

  test('equal commands give equal results and equal states, one by one or together', async (rig) => {
    const [together, apart] = [await rig.fresh(), await rig.fresh()];
    const results = apply(together, batch);
    const single = batch.flatMap((command) => apply(apart, [command]));

    same(results.length, batch.length, 'one result for each command');
    same(single, results, 'the results');
    same(apart.query(whole), together.query(whole), 'the states');
  });

  test('asking changes nothing', async (rig) => {
    const machine = await rig.fresh();
    apply(machine, batch);
    const answers = [machine.query(whole), machine.query(whole)];

    same(answers[1], answers[0], 'the second answer');
  });

  test('a restored snapshot is the state it was taken of, whatever came after', async (rig) => {
    const [original, copy, twin] = [await rig.fresh(), await rig.fresh(), await rig.fresh()];
    const half = Math.ceil(batch.length / 2);
    apply(original, batch.slice(0, half));
    apply(twin, batch.slice(0, half));
    apply(copy, batch.slice(half - 1, half));
    const last = batch[half - 1];
    check(last !== undefined, 'there are commands');

    const taken = original.kind === 'memory' ? original.snapshot() : await durableSnapshot(rig, original, last);
    apply(original, batch.slice(half));
    await restore(rig, copy, taken, last);

    same(copy.query(whole), twin.query(whole), 'the restored state');
    same(apply(copy, batch.slice(half)), apply(twin, batch.slice(half)), 'the results after it');
    same(copy.query(whole), original.query(whole), 'the state in the end');
  });

  test('a machine on disk reports only what it was given, and in time all of it', async (rig) => {
    const machine = await rig.fresh();
    if (machine.kind !== 'durable') return;
    same(machine.recovered.index, 0, 'a fresh machine has applied nothing');
    const reported: Index[] = [];
    machine.onDurable((index) => reported.push(index));
    apply(machine, batch);
    const end = batch.at(-1)?.index ?? 0;
    // An entry without a command (§8: the no-op of a new leader) moves the applied index, too.
    machine.apply([], { term: 2 as Term, index: (end + 1) as Index });
    await until(rig, () => reported.at(-1) === end + 1, 'the last entry becomes durable');

    check(
      reported.every((index, n) => n === 0 || index >= (reported[n - 1] ?? 0)),
      'reports never go back',
    );
  });
}

type Taken = Iterable<Uint8Array> | Uint8Array;

async function durableSnapshot<R, Q, A>(
  rig: Rig,
  machine: DurableStateMachine<R, Q, A>,
  last: LogId,
): Promise<Uint8Array> {
  const opened = await completed<Outcome<SnapshotSource>>(rig, (answer) => machine.snapshot(metaAt(last), answer));
  if (opened.kind === 'failed') throw opened.error;
  same(opened.value.meta, metaAt(last), 'the metadata of a snapshot');
  const bytes = await readAll(rig, opened.value);
  opened.value.close();
  return bytes;
}

async function restore<R, Q, A>(rig: Rig, machine: StateMachine<R, Q, A>, taken: Taken, last: LogId): Promise<void> {
  const bytes = taken instanceof Uint8Array ? taken : Uint8Array.from([...taken].flatMap((chunk) => [...chunk]));
  // Chunks are cut anew on the way: by a file, by a network.
  const chunks = [bytes.subarray(0, 1), bytes.subarray(1)].filter((chunk) => chunk.length > 0);
  if (machine.kind === 'memory') restoreMemory(machine, chunks);
  else await done(rig, (answer) => machine.restore(sourceOver(rig, metaAt(last), chunks), answer));
}

function restoreMemory<R, Q, A>(machine: MemoryStateMachine<R, Q, A>, chunks: readonly Uint8Array[]): void {
  machine.restore(chunks);
}

function sourceOver(rig: Rig, meta: SnapshotMeta, chunks: readonly Uint8Array[]): SnapshotSource {
  const left = [...chunks];
  return {
    meta,
    next: (completion) => {
      void Promise.resolve(rig.drive()).then(() => completion({ kind: 'done', value: left.shift() }));
    },
    close: () => {},
  };
}
