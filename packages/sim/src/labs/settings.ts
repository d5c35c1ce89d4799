// The three ways in which every test of the labs is run.

import type { DriverSettings, Rules } from '@kontiki/raft';
import { rulesOf } from '@kontiki/raft/teaching';
import type { WalRules } from '@kontiki/wal';
import { Chance } from '../chance.ts';
import type { HardNetwork } from './network.ts';
import { LabDisk, LabPersister, type LabStorage } from './storage.ts';

export type SettingName = 'paper' | 'product' | 'hard';
export const settingNames: readonly SettingName[] = ['paper', 'product', 'hard'];

export interface LabSetting {
  readonly name: SettingName;
  /** One line for readers of a table. */
  readonly about: string;
  readonly driver: Partial<DriverSettings>;
  readonly rules: Rules | undefined;
  /** Whether elections ask first (thesis §9.6): that costs RPCs that the labs' limits do not know. */
  readonly preVote: boolean;
  readonly network: (seed: string) => HardNetwork | undefined;
  /** Other decisions of the log than the right ones have a say only where there is a log. */
  readonly storage: (seed: string, name: string, rules?: WalRules) => LabStorage;
}

/** In the labs the service decides when a snapshot is taken, and the log is cut through there. */
const labs: Partial<DriverSettings> = {
  snapshotEntries: Number.MAX_SAFE_INTEGER,
  snapshotBytes: Number.MAX_SAFE_INTEGER,
  catchUpEntries: 0,
  // Bytes that have not arrived by then are sent again.
  snapshotTransferTicks: 100,
};

const settings: Readonly<Record<SettingName, LabSetting>> = {
  paper: {
    name: 'paper',
    about: "figure 2 alone: no pre-vote, no check-quorum, no no-op; elections after 300 to 600 ms; the labs' persister",
    driver: { ...labs, preVote: false, checkQuorum: false, electionTicks: 30, heartbeatTicks: 10 },
    rules: rulesOf(['no-noop']),
    preVote: false,
    network: () => undefined,
    storage: () => new LabPersister(),
  },
  product: {
    name: 'product',
    about: "the library's defaults: pre-vote, check-quorum, no-op; elections after 1 to 2 s; the labs' persister",
    driver: labs,
    rules: undefined,
    preVote: true,
    network: () => undefined,
    storage: () => new LabPersister(),
  },
  hard: {
    name: 'hard',
    about: 'the defaults on the log of the servers over a disk that loses what was not synced; messages are doubled',
    driver: labs,
    rules: undefined,
    preVote: true,
    network: hardNetwork,
    storage: (seed, name, rules) => new LabDisk(seed, name, rules),
  },
};

export function settingNamed(name: SettingName): LabSetting {
  return settings[name];
}

/** Where the labs lose a tenth both ways, each direction here has a share of its own, a tenth on average. */
function hardNetwork(seed: string): HardNetwork {
  const shares = new Map<string, number>();
  const lostPerMille = (from: string, to: string): number => {
    const key = `${from}>${to}`;
    const share = shares.get(key) ?? new Chance(seed, `loss ${key}`).pick([0, 50, 100, 150, 200]);
    shares.set(key, share);
    return share;
  };
  return { doubledPerMille: 100, doubleDelayMs: 50, lostPerMille };
}
