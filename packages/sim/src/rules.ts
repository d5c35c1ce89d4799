// Decisions other than the right ones, for a whole member: how a mutant gets into a run. Every record that is missing is
// as it should be.

import type { MemberOptions } from '@kontiki/member';
import type { SessionRules } from '@kontiki/raft/sessions';
import type { TransportRules } from '@kontiki/transport';
import type { WalRules } from '@kontiki/wal';

export type RulesBundle = NonNullable<MemberOptions['rules']> & {
  readonly wal?: WalRules;
  readonly transport?: TransportRules;
  /** Of members with sessions, which are runs of their own. */
  readonly sessions?: SessionRules;
};
