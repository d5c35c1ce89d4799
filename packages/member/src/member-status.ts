// What a member says of itself, in the words of its clients.

import type { Store } from '@kontiki/kv';
import type { Status } from '@kontiki/raft';
import type { MemberStatus } from './api.ts';
import { memberIdOf } from './roster.ts';

export function memberStatusOf(status: Status, { bytes, bytesInUse }: ReturnType<Store['size']>): MemberStatus {
  const { leader, role, configuration, term, commit, applied } = status;
  return {
    leader: leader === undefined ? undefined : memberIdOf(leader),
    isLeader: role === 'leader',
    voters: [...new Set([...configuration.voters, ...configuration.outgoing])].map(memberIdOf),
    term,
    commit,
    applied,
    dbSize: bytes,
    dbSizeInUse: bytesInUse,
    progress: status.role === 'leader' ? status.progress.map(([id, { match }]) => ({ id: memberIdOf(id), match })) : [],
  };
}
