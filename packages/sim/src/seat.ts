// A seat is a machine: its disk, its rows and its clock, which outlive the processes on it. A life is one process.

import { MemoryBackend } from '@kontiki/kv';
import { nodeIdOf, type RunningMember } from '@kontiki/member';
import type { Configuration, NodeId, Status } from '@kontiki/raft';
import type { VirtualTicker, VirtualTime } from '@kontiki/raft/memory';
import { MemoryIncarnations } from '@kontiki/transport';
import { type DiskOperation, MemoryDisk, type VfsErrorCode } from '@kontiki/wal';
import { Chance } from './chance.ts';
import type { InputOf } from './inputs.ts';
import type { Plan } from './plan.ts';
import type { Injury } from './rot.ts';

export interface Life {
  readonly boot: number;
  readonly ticker: VirtualTicker;
  /** Once it is open. */
  member: RunningMember | undefined;
  /** At the end of its last turn. */
  status: Status | undefined;
  isOver: boolean;
  isAsleep: boolean;
  /** Calls that came to it while it was asleep. */
  readonly arrivals: (() => void)[];
  isStopping: boolean;
  /** Called when the process is gone, so that whoever waits for an answer of it stops waiting. */
  readonly whenOver: Set<() => void>;
  /** From which revision on its history has not been heard. */
  heard: number;
}

/** What outlives the processes on a machine. */
export interface Storage {
  disk: MemoryDisk;
  backend: MemoryBackend;
  incarnations: MemoryIncarnations;
  /** Drawn when the data directory was made. */
  incarnation: string;
}

export interface Seat extends Storage {
  readonly id: bigint;
  readonly node: NodeId;
  readonly name: string;
  readonly chance: Chance;
  /** Not one of those who began the cluster. */
  readonly isJoiner: boolean;
  /** It is no member any more, for good. */
  isRetired: boolean;
  /** The machine is gone, and its member may still be one. */
  isLost: boolean;
  /** An empty one like those before it. */
  readonly newStorage: (incarnation: string) => Storage;
  /** Its own storage, while an empty one is in its place. */
  own: Storage | undefined;
  boot: number;
  life: Life | undefined;
  syncTicks: number;
  /** What the disk refuses to do; `noMore` when it has done so, and nobody has looked at it since. */
  broken: InputOf<'breakDisk'>['what'] | 'noMore' | undefined;
  /** While it stalls: what it would have completed. */
  stalled: (() => void)[] | undefined;
  /** What it has lost of what it held. */
  injury: Injury | undefined;
  /** Under which it has lately been, newest last: its disk has one of them. */
  configurations: readonly Configuration[];
  driftPerMille: number;
  flushDue: number;
  /** Snapshots that it was sent, and has stored. */
  installs: number;
  /** Commits of the backend that show and are not durable. */
  unflushed: number;
}

export function makeSeat(id: bigint, plan: Plan, time: VirtualTime, isJoiner = false): Seat {
  const name = `n${id}`;
  const defer = (task: () => void): void => seat.life?.ticker.defer(task);
  const newStorage = (incarnation: string): Storage => ({
    disk: new MemoryDisk({
      schedule: (task, operation) => scheduleDisk(seat, task, operation),
      fault: (operation) => faultOf(seat, operation),
    }),
    backend: new MemoryBackend({ defer, deferDurable: (task) => deferFlush(seat, plan, time, task) }),
    incarnations: new MemoryIncarnations(defer),
    incarnation,
  });
  const seat: Seat = {
    ...newStorage(`disk of ${name}`),
    newStorage,
    own: undefined,
    id,
    node: nodeIdOf(id),
    name,
    isJoiner,
    isRetired: false,
    isLost: false,
    chance: new Chance(plan.seed, name),
    boot: 0,
    life: undefined,
    syncTicks: plan.syncTicks,
    broken: undefined,
    stalled: undefined,
    injury: undefined,
    configurations: [],
    driftPerMille: 0,
    flushDue: 0,
    installs: 0,
    unflushed: 0,
  };
  return seat;
}

function scheduleDisk(seat: Seat, task: () => void, { kind }: DiskOperation): void {
  const { life, chance, syncTicks } = seat;
  if (life === undefined) return;
  const isSync = kind === 'fdatasync' || kind === 'syncDirectory';
  const ticks = isSync ? chance.between(0, syncTicks) : syncTicks > 0 && chance.oneIn(20) ? 1 : 0;
  const run = (): void => {
    if (seat.stalled !== undefined && kind !== 'defer') seat.stalled.push(task);
    else task();
  };
  if (ticks === 0) life.ticker.defer(run);
  else life.ticker.after(ticks, run);
}

function faultOf(seat: Seat, { kind }: DiskOperation): VfsErrorCode | undefined {
  switch (seat.broken) {
    case undefined:
    case 'noMore':
      return undefined;
    case 'all':
      return kind === 'fdatasync' || kind === 'write' || kind === 'open' ? 'IO' : undefined;
    case 'writes':
      return kind === 'write' ? 'IO' : undefined;
    case 'syncs':
      return kind === 'fdatasync' || kind === 'syncDirectory' ? 'IO' : undefined;
    case 'aSync':
      if (kind !== 'fdatasync') return undefined;
      seat.broken = 'noMore';
      return 'IO';
    case 'reads':
      return kind === 'read' ? 'IO' : undefined;
    case 'space':
      return kind === 'preallocate' ? 'NO_SPACE' : undefined;
  }
}

/** In order: an older commit is durable before a newer one. */
function deferFlush(seat: Seat, plan: Plan, { now }: VirtualTime, task: () => void): void {
  const { life } = seat;
  if (life === undefined) return;
  seat.flushDue = Math.max(seat.flushDue, now + seat.chance.between(0, plan.flushTicks));
  seat.unflushed += 1;
  life.ticker.after(seat.flushDue - now, () => {
    if (life.isOver) return;
    seat.unflushed -= 1;
    task();
  });
}

/** What a write brings may be lost with it, or be cut off again, and the one before be in force. */
const configurationsKept = 3;

export function noteStatus(seat: Seat, life: Life, status: Status): void {
  life.status = status;
  const { configuration } = status;
  if (seat.configurations.at(-1) === configuration || configuration.voters.length === 0) return;
  seat.configurations = [...seat.configurations, configuration].slice(-configurationsKept);
}

/** Whether bytes of the log are on their way to the disk. */
export function isWriting({ disk }: Seat): boolean {
  return disk.unsynced().some((unsynced) => unsynced.kind === 'sector' && unsynced.path.endsWith('.wal'));
}
