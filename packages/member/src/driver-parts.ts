// What a member hands on to its driver as it was handed in.

import type { Result } from '@kontiki/kv';
import type { DriverOptions, Status } from '@kontiki/raft';
import type { MemberOptions } from './member-options.ts';
import { addressOf, firstConfiguration, nodeIdOf } from './roster.ts';

type DriverParts = Omit<DriverOptions<Result, never, never>, 'stateMachine' | 'settings' | 'onRequest'>;

export function driverPartsOf(options: MemberOptions): DriverParts {
  const { identity, boot, join, initialMembers, log, snapshots, transport, ticker, seed, logger, rules, taps } =
    options;
  return {
    id: nodeIdOf(identity.memberId),
    boot,
    ...(join === undefined
      ? { bootstrap: firstConfiguration(initialMembers) }
      : { join: { peers: join.map(({ id, peerUrls }) => ({ id: nodeIdOf(id), address: addressOf(peerUrls) })) } }),
    log,
    snapshots,
    transport,
    ticker,
    seed,
    ...(logger === undefined ? {} : { logger }),
    ...(rules === undefined ? {} : { rules }),
    ...(taps === undefined ? {} : { onTurn: (status: Status) => taps.turnEnded(status) }),
    ...(taps?.why === undefined ? {} : { why: taps.why }),
    ...(taps?.around === undefined ? {} : { around: taps.around }),
  };
}
