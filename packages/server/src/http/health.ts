// /health, /livez and /readyz as etcd 3.6 answers them. A check is a name and a promise; nothing of HTTP in it.

import type { Member } from '@kontiki/member';

/** `undefined`: fine; otherwise why not. */
export type Check = () => Promise<string | undefined>;

export interface HealthChecks {
  readonly livez: ReadonlyMap<string, Check>;
  readonly readyz: ReadonlyMap<string, Check>;
  /** The reason for `{"health":"false"}`, or `undefined`. */
  health(serializable: boolean): Promise<string | undefined>;
}

/** `timeoutMs` bounds a read that asks the quorum. */
export function healthChecks(member: Member, timeoutMs: number): HealthChecks {
  const fine = async (): Promise<undefined> => undefined;
  const read = async (serializable: boolean): Promise<string | undefined> => {
    try {
      if (!serializable) await within(timeoutMs, member.linearize());
      return undefined;
    } catch (error: unknown) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const nonLearner = async (): Promise<string | undefined> => {
    const self = member.members().find(({ id }) => id === member.identity.memberId);
    return self?.isLearner === true ? 'not supported for learner' : undefined;
  };
  return {
    livez: new Map([['serializable_read', () => read(true)]]),
    readyz: new Map<string, Check>([
      // No alarm can be raised in this build.
      ['data_corruption', fine],
      ['serializable_read', () => read(true)],
      ['linearizable_read', () => read(false)],
      ['non_learner', nonLearner],
    ]),
    health: async (serializable) => {
      if (!serializable && member.status().leader === undefined) return 'RAFT NO LEADER';
      const failure = await read(serializable);
      return failure === undefined ? undefined : `RANGE ERROR:${failure}`;
    },
  };
}

function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('etcdserver: request timed out')), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
