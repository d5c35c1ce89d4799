// What a member is made of: who it is, the ports it runs on, open and recovered, and how it shall behave.

import type { Backend, KvRules, Result } from '@kontiki/kv';
import type {
  DriverOptions,
  DriverSettings,
  Logger,
  LogStore,
  NodeId,
  SnapshotStore,
  Ticker,
  Transport,
} from '@kontiki/raft';
import type { MemberIdentity } from './api.ts';
import type { MemberRules } from './rules.ts';
import type { MemberTaps } from './taps.ts';

export interface MemberOptions {
  readonly identity: MemberIdentity;
  /** Counts the starts of this member, from 1. */
  readonly boot: number;
  /** The members of a new cluster, the same on each of them; looked at on the first start only. */
  readonly initialMembers: readonly { readonly id: bigint; readonly peerUrls: readonly string[] }[];
  /**
   * For a member that the cluster has added, instead of `initialMembers`: who the members are now, by the word of one of them. It
   * begins with an empty log and waits for the leader. Looked at until it has become a member.
   */
  readonly join?: readonly { readonly id: bigint; readonly peerUrls: readonly string[] }[];
  /** What this member tells the others about itself, once it serves clients. */
  readonly clientUrls: readonly string[];
  /** Open and recovered. The member closes them all, in order. */
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  readonly backend: Backend;
  readonly transport: Transport;
  readonly ticker: Ticker;
  readonly ticksPerSecond: number;
  /** All chance of the member comes from it. */
  readonly seed: string;
  readonly settings?: Partial<DriverSettings>;
  /** Ticks between two progress reports of a watch stream. */
  readonly watchProgressTicks: number;
  readonly logger?: Logger;
  /** Whether changes of membership that put the quorum at risk are refused: etcd's --strict-reconfig-check, on unless given. */
  readonly strictReconfigCheck?: boolean;
  /** Whether there is a connection to this peer now; without it all are taken for connected. */
  readonly isConnected?: (peer: NodeId) => boolean;
  /** Called with all members that were removed, at the start and when there are others: the transport tells them. */
  readonly removedMembers?: (ids: readonly NodeId[]) => void;
  /** Other decisions than the right ones: for proving that checkers can go red. No server sets them. */
  readonly rules?: NonNullable<DriverOptions<Result, never, never>['rules']> & {
    readonly member?: MemberRules;
    readonly kv?: KvRules;
  };
  /** For those who judge a run. */
  readonly taps?: MemberTaps;
}
