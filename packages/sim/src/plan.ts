// What a seed decides before its run: how many members, how small their limits, which faults exist at all and how often
// they come. Faults that never meet each other in one run leave others room to show (swarm testing).

import type { DriverSettings } from '@kontiki/raft';
import { Chance } from './chance.ts';

export const electionTicks = 20;
export const ticksPerSecond = 100;

export type FaultKind =
  | 'killProcess'
  | 'losePower'
  | 'stopInOrder'
  | 'killEverybody'
  | 'stall'
  | 'stallLong'
  | 'cut'
  | 'cutOneWay'
  | 'isolate'
  | 'isolateLeader'
  | 'reset'
  | 'slowDisk'
  | 'breakDisk'
  | 'moveLeader'
  | 'heal';

const optionalKinds: readonly FaultKind[] = [
  'killProcess',
  'losePower',
  'stopInOrder',
  'killEverybody',
  'stall',
  'stallLong',
  'cut',
  'cutOneWay',
  'isolate',
  'isolateLeader',
  'reset',
  'slowDisk',
  'breakDisk',
  'moveLeader',
];

export interface Plan {
  readonly seed: number;
  readonly members: 3 | 5;
  readonly ticks: number;
  readonly faults: readonly FaultKind[];
  /** A fault begins once in so many ticks. */
  readonly faultEvery: number;
  /** How many members may be down or asleep at once. */
  readonly downMax: number;
  readonly latency: { readonly least: number; readonly most: number };
  /** Per cent of Raft messages that are lost, doubled, or held for some ticks. */
  readonly messages: { readonly lost: number; readonly doubled: number; readonly held: number };
  readonly syncTicks: number;
  readonly flushTicks: number;
  readonly clients: number;
  /** A client thinks for up to so many ticks between two calls. */
  readonly thinkTicks: number;
  readonly watchers: number;
  readonly valueBytes: number;
  readonly segmentBytes: number;
  readonly settings: Partial<DriverSettings>;
}

export function planOf(seed: number): Plan {
  const chance = new Chance(seed, 'plan');
  const members = chance.percent(70) ? 3 : 5;
  const isCalm = chance.percent(10);
  const faults = isCalm ? [] : optionalKinds.filter(() => chance.percent(45));
  // Lost sectors are what recovery is about.
  if (faults.includes('losePower')) faults.push('losePower', 'losePower');
  const isTight = chance.percent(40);
  const hasBadMessages = chance.percent(35);
  const inMessages = (most: number): number => (hasBadMessages ? chance.below(most) : 0);
  return {
    seed,
    members,
    ticks: chance.pick([1000, 2000, 3000]),
    faults: [...faults, 'heal'],
    faultEvery: chance.pick([10, 20, 40, 100]),
    downMax: chance.percent(80) ? (members - 1) / 2 : members,
    latency: chance.pick([
      { least: 0, most: 0 },
      { least: 0, most: 2 },
      { least: 1, most: 1 },
      { least: 0, most: 6 },
    ]),
    messages: { lost: inMessages(20), doubled: inMessages(20), held: inMessages(30) },
    syncTicks: chance.pick([0, 1, 3, 8, 8]),
    flushTicks: chance.pick([0, 2, 20, 150]),
    clients: chance.between(2, 8),
    thinkTicks: chance.pick([2, 5, 20]),
    watchers: chance.between(1, 4),
    valueBytes: chance.pick([0, 50, 700]),
    segmentBytes: chance.pick([4096, 16_384, 1_048_576]),
    settings: {
      electionTicks,
      heartbeatTicks: chance.pick([1, 2, 5]),
      catchUpEntries: chance.pick([0, 3, 20, 200, 5000]),
      snapshotTransferTicks: chance.pick([10, 100, 6000]),
      ...(isTight
        ? {
            commandBytesMax: 8192,
            catchUpBytes: 8192,
            limits: {
              inflightMessages: chance.pick([1, 3, 256]),
              messageBytes: chance.pick([1, 2000, 1_048_576]),
              uncommittedBytes: chance.pick([3000, 20_000]),
              logBytes: 40_000,
              applyBytes: chance.pick([1, 2000, 1_048_576]),
            },
          }
        : {}),
    },
  };
}
