// What a seed decides before its run: how small the limits are, which faults exist at all and how often they come. Faults
// that never meet each other in one run leave others room to show (swarm testing).

import type { DriverSettings } from '@kontiki/raft';
import { Chance } from './chance.ts';

/**
 * A tick is 40 ms: an election timeout of a second has 25 of them, a heartbeat two or four. What matters is in which order
 * things happen, and within a tick chance decides that; finer ticks make a run slower and no order more likely.
 */
export const ticksPerSecond = 25;

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
  | 'figure8'
  | 'halves'
  | 'bridge'
  | 'ring'
  | 'clog'
  | 'reset'
  | 'garble'
  | 'slowDisk'
  | 'stallDisk'
  | 'breakDisk'
  | 'rotDisk'
  | 'swapDisk'
  | 'drift'
  | 'moveLeader'
  | 'changeMembers'
  | 'replaceMember'
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
  'figure8',
  'halves',
  'bridge',
  'ring',
  'clog',
  'reset',
  'garble',
  'slowDisk',
  'stallDisk',
  'breakDisk',
  'rotDisk',
  'swapDisk',
  'drift',
  'moveLeader',
  'changeMembers',
  'replaceMember',
];

export interface Plan {
  readonly seed: number;
  readonly members: number;
  readonly ticks: number;
  readonly faults: readonly FaultKind[];
  /** A fault begins once in so many ticks. */
  readonly faultEvery: number;
  /** Per cent of members that are sent a snapshot and lose power while it takes the place of their log. */
  readonly installsStruck: number;
  /** How many members may be down or asleep at once. */
  readonly downMax: number;
  readonly latency: { readonly least: number; readonly most: number };
  /** Per cent of Raft messages that are lost, doubled, or held for up to `heldTicks`; `rare`: of those about elections and snapshots. */
  readonly messages: {
    readonly lost: number;
    readonly doubled: number;
    readonly held: number;
    readonly rare: number;
    readonly heldTicks: number;
  };
  /** Ticks of silence after which a link is tried. */
  readonly pingTicks: number;
  readonly syncTicks: number;
  readonly flushTicks: number;
  readonly clients: number;
  /** A client thinks for up to so many ticks between two calls. */
  readonly thinkTicks: number;
  readonly watchers: number;
  /** So many calls in a hundred are reads of one key, besides those that are anyway. */
  readonly readShare: number;
  /** Changes of membership that put the quorum at risk are refused. */
  readonly isStrict: boolean;
  /** The members change once in so many ticks, besides the faults; 0 for never. */
  readonly changeEvery: number;
  /** Members are removed down to so many voters. */
  readonly votersLeast: number;
  readonly valueBytes: number;
  readonly segmentBytes: number;
  readonly settings: Partial<DriverSettings>;
}

/** How large a run is; the rest is the seed's. */
export interface Size {
  readonly members: number;
  readonly seconds: number;
}

export const usualSize: Size = { members: 5, seconds: 60 };

export function planOf(seed: number, { members, seconds }: Size = usualSize): Plan {
  const chance = new Chance(seed, 'plan');
  // Many kinds, or few that meet often; and some of them much more often than others.
  const share = chance.pick([10, 25, 40, 40, 60]);
  const drawnKinds = optionalKinds.filter(() => chance.percent(share));
  // A stranger on an empty disk would stand in for a member that joins.
  const doChange = drawnKinds.includes('changeMembers') || drawnKinds.includes('replaceMember');
  const kinds = drawnKinds.filter((kind) => kind !== 'swapDisk' || !doChange);
  const faults = kinds.flatMap((kind) => Array.from({ length: chance.pick([1, 1, 2, 5]) }, () => kind));
  // Lost sectors are what recovery is about.
  if (faults.includes('losePower')) faults.push('losePower', 'losePower');
  const isTight = chance.percent(40);
  const hasBadMessages = chance.percent(35);
  const inMessages = (most: number): number => (hasBadMessages ? chance.below(most) : 0);
  const isFast = chance.percent(25);
  const electionTicks = isFast ? 12 : 25;
  const changeEvery = doChange ? chance.pick([0, 100, 200]) : 0;
  const isSlowMail = chance.percent(15);
  // An election is a write here, a message, a write there, and a message: it must have room in its timeout.
  const latency = chance.pick([
    { least: 0, most: 0 },
    { least: 0, most: 2 },
    { least: 1, most: 1 },
    { least: 0, most: isFast ? 1 : 4 },
  ]);
  const syncTicks = chance.pick(isFast ? [0, 1, 3, 3] : [0, 1, 3, 8, 8]);
  // Where a call takes long, more of them are under way at once.
  const isSlow = isSlowMail || syncTicks + latency.most > 5;
  const clients = chance.between(5, 10) + (isSlow ? 2 : 0);
  const ticks = seconds * ticksPerSecond;
  return {
    seed,
    members,
    ticks,
    faults: faults.length < 2 ? ['killProcess', 'isolate', 'heal'] : [...faults, 'heal'],
    // What follows faster than elections do leaves no time for work.
    faultEvery: Math.min(
      chance.pick(changeEvery > 0 ? [90, 120] : isFast ? [30, 60, 90] : [45, 75, 120]),
      Math.floor(ticks / 12),
    ),
    downMax: chance.percent(80) ? Math.floor((members - 1) / 2) : members,
    latency,
    messages: {
      lost: inMessages(15),
      doubled: inMessages(20),
      held: isSlowMail ? 5 : inMessages(30),
      rare: isSlowMail ? 30 : 0,
      heldTicks: isSlowMail ? 3 * electionTicks : 10,
    },
    pingTicks: chance.pick([10, 25, 25, 25]),
    syncTicks,
    flushTicks: chance.pick([0, 2, 20, 150]),
    clients,
    // About one call in a tick, from all together. Where they wait for long, they need not think as well.
    thinkTicks: clients * (isSlow ? 1 : chance.pick([1, 1, 2])),
    watchers: chance.between(1, 4),
    readShare: chance.pick(changeEvery > 0 ? [0, 30, 60] : [0, 0, 30, 60]),
    isStrict: chance.oneIn(2),
    changeEvery,
    votersLeast: Math.min(members, chance.pick([2, 3, 3, 3])),
    installsStruck: faults.includes('losePower') || chance.oneIn(3) ? 60 : 0,
    valueBytes: chance.pick([0, 50, 700]),
    segmentBytes: chance.pick([4096, 16_384, 262_144]),
    settings: {
      electionTicks,
      heartbeatTicks: isFast ? chance.pick([1, 2, 3]) : chance.pick([2, 4]),
      catchUpEntries: chance.pick([0, 3, 20, 200, 5000]),
      snapshotTransferTicks: chance.pick([30, 100, 6000]),
      ...(isTight
        ? {
            commandBytesMax: 8192,
            catchUpBytes: 8192,
            limits: {
              inflightMessages: chance.pick([2, 8, 256]),
              // Messages of an entry each, two at a time, carry little where each takes long.
              messageBytes: chance.pick(isSlow ? [2000, 1_048_576] : [100, 2000, 1_048_576]),
              uncommittedBytes: chance.pick([3000, 20_000]),
              logBytes: 40_000,
              applyBytes: chance.pick([1, 2000, 1_048_576]),
            },
          }
        : {}),
    },
  };
}

export function electionTicksOf({ settings }: Plan): number {
  return settings.electionTicks ?? 100;
}
