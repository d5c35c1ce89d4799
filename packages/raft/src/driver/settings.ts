// What an embedder may set, with the values that hold otherwise. Times are in ticks of the `Ticker`, 10 ms by default.

import type { Options } from '../core/api.ts';

export interface DriverSettings {
  /** The minimum election timeout; the real one is drawn between it and twice it. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  /**
   * Allows reads with consistency `lease` (thesis §6.4.1), which are linearizable only as long as clocks keep to this
   * bound: over one election timeout, the clocks of no two members drift apart by more than so many percent of it. Off
   * unless given. It needs `checkQuorum` and must be the same on all members, because the voters keep the promise that a
   * lease rests on; a member that restarts then neither votes nor campaigns for one election timeout.
   */
  readonly leaseReads?: { readonly clockDriftPercent: number };
  readonly limits: Options['limits'];
  /** The largest command. Larger ones are a `RangeError`. */
  readonly commandBytesMax: number;
  /** Proposals and reads of this node that wait for their answer. More are `OverloadedError`. */
  readonly pendingProposals: number;
  readonly pendingReads: number;
  /** How long a call waits when it does not say so itself. */
  readonly timeoutTicks: number;
  /** A state machine in memory is asked for a snapshot after so many entries or bytes of commands, whichever is first. */
  readonly snapshotEntries: number;
  readonly snapshotBytes: number;
  /** What stays in the log behind a compaction, so that a follower that lags a little needs no snapshot. */
  readonly catchUpEntries: number;
  readonly catchUpBytes: number;
  /** A snapshot that a follower has not taken by then is given up. */
  readonly snapshotTransferTicks: number;
  /** Messages of `applied()` that may wait for their reader; a reader further behind holds the state machine up. */
  readonly appliedMessages: number;
}

const mebibyte = 1024 * 1024;

export const defaultSettings: DriverSettings = {
  electionTicks: 100,
  heartbeatTicks: 10,
  preVote: true,
  checkQuorum: true,
  limits: {
    inflightMessages: 256,
    messageBytes: mebibyte,
    uncommittedBytes: 64 * mebibyte,
    logBytes: 256 * mebibyte,
    applyBytes: 4 * mebibyte,
  },
  commandBytesMax: 16 * mebibyte,
  pendingProposals: 16_384,
  pendingReads: 65_536,
  timeoutTicks: 700,
  snapshotEntries: 10_000,
  snapshotBytes: 64 * mebibyte,
  catchUpEntries: 5000,
  catchUpBytes: 32 * mebibyte,
  snapshotTransferTicks: 60_000,
  appliedMessages: 1024,
};

/** The defaults with what is given; throws `RangeError` for what cannot work. */
export function settingsFrom(given: Partial<DriverSettings>): DriverSettings {
  const settings = { ...defaultSettings, ...given };
  const numbers = { ...settings, ...settings.limits };
  for (const [name, value] of Object.entries(numbers)) {
    if (typeof value !== 'number') continue;
    const least = name === 'catchUpEntries' || name === 'catchUpBytes' ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least)
      throw new RangeError(`${name} is ${value}, not a whole number from ${least}`);
  }
  if (settings.leaseReads !== undefined) checkLease(settings.leaseReads.clockDriftPercent, settings);
  if (settings.heartbeatTicks * 2 > settings.electionTicks) {
    throw new RangeError(
      `heartbeatTicks ${settings.heartbeatTicks} must be at most half of electionTicks ${settings.electionTicks}`,
    );
  }
  if (settings.limits.logBytes < 2 * (settings.commandBytesMax + settings.catchUpBytes)) {
    throw new RangeError('limits.logBytes must hold twice a command of commandBytesMax and catchUpBytes');
  }
  return settings;
}

function checkLease(clockDriftPercent: number, { checkQuorum, electionTicks }: DriverSettings): void {
  if (!checkQuorum) throw new RangeError('leaseReads needs checkQuorum: without it, voters do not protect a leader');
  if (!Number.isSafeInteger(clockDriftPercent) || clockDriftPercent < 0 || clockDriftPercent > 90) {
    throw new RangeError(`leaseReads.clockDriftPercent is ${clockDriftPercent}, not a whole number from 0 to 90`);
  }
  if (Math.floor((electionTicks * (100 - clockDriftPercent)) / 100) < 2) {
    throw new RangeError(`electionTicks ${electionTicks} leave no lease with clockDriftPercent ${clockDriftPercent}`);
  }
}
