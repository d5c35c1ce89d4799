// A log's life for crashes to interrupt, and what may be found afterwards.

import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Persist, RecoveredLog } from '@kontiki/raft';
import { openWal, type Wal, type WalOptions } from '@kontiki/wal';
import { statesAfter } from './naive-log.ts';
import { base, command, commands, hardState, write } from './rig.ts';

export const lifeOptions = { segmentBytes: 4096 };

// Appends over three segments, a conflict, a lazy commit index, a base that drops a segment, a base that replaces the log,
// a batch larger than a segment.
export const life: readonly Persist[] = [
  write({ hardState: hardState(1, 0, 'a'), base: base(0, 0), entries: commands(1, 3, 1, 700) }),
  write({ hardState: hardState(1, 2, 'a'), entries: commands(4, 6, 1, 700) }),
  write({ sync: false, hardState: hardState(1, 5, 'a') }),
  write({ hardState: hardState(2, 5), entries: commands(6, 8, 2, 700) }),
  write({ entries: commands(9, 11, 2, 700) }),
  write({ sync: false, hardState: hardState(2, 10) }),
  write({ base: base(8, 2) }),
  write({ entries: commands(12, 14, 2, 700) }),
  write({ hardState: hardState(4, 10, 'c'), base: base(30, 3), entries: [command(31, 4)] }),
  write({ entries: commands(32, 36, 4, 1000) }),
  write({ sync: false, hardState: hardState(4, 36, 'c') }),
  write({ base: base(35, 4), entries: [command(37, 4)] }),
];
export const lifeStates = statesAfter(life);

export interface Play {
  started: number;
  /** How many writes the log cannot lose any more: up to the last synced one that was answered. */
  safe: number;
  closed: boolean;
}

/** Opens the log and appends all writes, each after the last was answered; then closes it. Nothing runs yet. */
export function play(options: WalOptions, writes: readonly Persist[] = life): Play {
  const seen: Play = { started: 0, safe: 0, closed: false };
  const next = (wal: Wal): void => {
    const write = writes[seen.started];
    if (write === undefined) {
      wal.close((error) => {
        assert.equal(error, undefined);
        seen.closed = true;
        seen.safe = writes.length;
      });
      return;
    }
    seen.started += 1;
    const number = seen.started;
    wal.append(write, (error) => {
      assert.equal(error, undefined);
      if (write.sync) seen.safe = number;
      next(wal);
    });
  };
  openWal(options, (outcome) => {
    assert.equal(outcome.kind, 'done');
    next(outcome.value);
  });
  return seen;
}

/** Whether a log after a crash holds all that was safe, and of the rest whole writes only. */
export function isPossible(recovered: RecoveredLog, seen: Play, states: readonly RecoveredLog[] = lifeStates): boolean {
  return states.slice(seen.safe, seen.started + 1).some((state) => isDeepStrictEqual(state, recovered));
}
