// What a member lets those see who judge it: the simulator's checkers. Nothing here changes what the member does.

import type { CommittedCommand, DurableStateMachine, Index, LogId, Raft, Status, Why } from '@kontiki/raft';

/** Called while things happen. Must neither call back nor throw. */
export interface MemberTaps {
  /** Which rule of the paper fired. */
  readonly why?: Why;
  /** See `DriverOptions.around`. */
  readonly around?: (core: Raft) => Raft;
  /** At the end of each turn of the driver that brought something. */
  turnEnded(status: Status): void;
  /** The store has taken the commands and stands at `last` and `revision`. */
  applied(commands: readonly CommittedCommand[], last: LogId, revision: number): void;
  /** The store was replaced by a snapshot that ends at `last`. */
  restored(last: LogId, revision: number): void;
  /** The store has made everything up to `index` durable. */
  flushed(index: Index): void;
}

/** The machine, with its taps open. */
export function tapped<Result, Query, Answer>(
  machine: DurableStateMachine<Result, Query, Answer>,
  taps: MemberTaps | undefined,
  revision: () => number,
): DurableStateMachine<Result, Query, Answer> {
  if (taps === undefined) return machine;
  return {
    kind: 'durable',
    recovered: machine.recovered,
    apply: (batch, last) => {
      const results = machine.apply(batch, last);
      taps.applied(batch, last, revision());
      return results;
    },
    query: (query) => machine.query(query),
    onDurable: (listener) =>
      machine.onDurable((index) => {
        taps.flushed(index);
        listener(index);
      }),
    hasRoom: () => machine.hasRoom(),
    onRoom: (listener) => machine.onRoom(listener),
    snapshot: (meta, completion) => machine.snapshot(meta, completion),
    restore: (source, done) => {
      const { last } = source.meta;
      machine.restore(source, (error) => {
        if (error === undefined) taps.restored(last, revision());
        done(error);
      });
    },
  };
}
