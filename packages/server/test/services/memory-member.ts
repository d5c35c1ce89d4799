// A member without Raft beneath the services: commands are applied to a real store in memory, one entry each. What a real
// member decides by its peers (a leader, a barrier, a failure) is set by the test.

import { fromBinary } from '@bufbuild/protobuf';
import {
  CompactionRequestSchema,
  DeleteRangeRequestSchema,
  LeaseRevokeRequestSchema,
  PutRequestSchema,
  TxnRequestSchema,
} from '@kontiki/etcd-proto';
import {
  LeaseClock,
  MemoryBackend,
  type Operation,
  type Result,
  Store,
  WatchHub,
  type WatchSink,
  type WatchStream,
} from '@kontiki/kv';
import {
  type BackupSource,
  type Command,
  clampInt64,
  deleteRangeRequest,
  type HashKv,
  type LeaseTimeToLive,
  type Member,
  MemberError,
  type MemberRecord,
  type MemberStatus,
  type MembershipChange,
  putRequest,
  txnRequest,
} from '@kontiki/member';

export const selfId = 0x2c90_2495_a3d3_72c7n;
export const otherId = 0x1111n;

export class MemoryMember implements Member {
  readonly identity = { clusterId: 0xcf35_41d8_2322_dc81n, memberId: selfId, name: 'one' };
  readonly store: Store = Store.open({ backend: new MemoryBackend({ defer: (task) => setImmediate(task) }) });
  readonly hub: WatchHub = new WatchHub(this.store);
  readonly #clock = new LeaseClock({ ticksPerSecond: 100, retryTicks: 300 });
  readonly #leaderListeners: ((leader: bigint | undefined) => void)[] = [];
  #leader: bigint | undefined = selfId;
  #index = 0;
  /** Everything that went through the log. */
  readonly commands: Command[] = [];
  barriers = 0;
  /** When set, what asks the log or the quorum fails with it. */
  failure: Error | undefined;
  progressTicks = 60_000;
  learner = false;
  /** What was asked for, each answered with `members`. */
  readonly changes: MembershipChange[] = [];

  constructor() {
    this.#clock.promote([]);
  }

  async propose(command: Command): Promise<Result> {
    if (this.failure !== undefined) throw this.failure;
    this.commands.push(command);
    const operation = operationOf(command);
    const [result] = this.store.apply([{ position: { index: ++this.#index, term: 2 }, operation }]);
    if (result === undefined) throw new Error('an entry without a result');
    if (result.kind === 'leaseGrant') this.#clock.granted(result.id, result.ttl);
    if (result.kind === 'leaseRevoke' && operation.kind === 'leaseRevoke') this.#clock.revoked(operation.id);
    return result;
  }

  async linearize(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.barriers++;
  }

  watch(sink: WatchSink): WatchStream {
    const stream = this.hub.openStream(sink, { progressTicks: this.progressTicks });
    const resync = (): void => {
      setImmediate(() => {
        while (this.hub.syncWatchers(1 << 20));
      });
    };
    return {
      create: (request) => {
        stream.create(request);
        resync();
      },
      cancel: (watchId) => stream.cancel(watchId),
      requestProgress: () => stream.requestProgress(),
      resume: () => {
        stream.resume();
        resync();
      },
      close: () => stream.close(),
    };
  }

  async keepAlive(lease: bigint): Promise<{ readonly ttl: number }> {
    if (this.failure !== undefined) throw this.failure;
    return { ttl: this.#clock.renew(lease) ?? 0 };
  }

  async timeToLive(lease: bigint, withKeys: boolean): Promise<LeaseTimeToLive> {
    const found = this.store.lease(lease);
    if (found === undefined) return { ttl: -1, grantedTtl: 0, keys: [] };
    return { ttl: found.ttl, grantedTtl: found.ttl, keys: withKeys ? [...found.keys].sort(byText) : [] };
  }

  async leases(): Promise<readonly bigint[]> {
    return this.store.leases().map(({ id }) => id);
  }

  members(): readonly MemberRecord[] {
    const one = {
      id: selfId,
      name: 'one',
      peerUrls: ['http://127.0.0.1:1'],
      clientUrls: ['http://127.0.0.1:2'],
      isLearner: false,
    };
    return [one, { id: otherId, name: '', peerUrls: ['http://127.0.0.1:3'], clientUrls: [], isLearner: false }];
  }

  isLearner(): boolean {
    return this.learner;
  }

  async changeMembers(change: MembershipChange): Promise<readonly MemberRecord[]> {
    if (this.failure !== undefined) throw this.failure;
    this.changes.push(change);
    return this.members();
  }

  onRemoved(): void {}

  status(): MemberStatus {
    return {
      leader: this.#leader,
      isLeader: this.#leader === selfId,
      voters: [selfId, otherId],
      term: 2,
      commit: this.#index + 1,
      applied: this.#index,
      dbSize: 4096,
      dbSizeInUse: 1024,
      progress: [],
    };
  }

  async moveLeader(target: bigint): Promise<void> {
    if (this.#leader !== selfId) throw new MemberError('notLeader', 'not the leader');
    if (!this.members().some(({ id }) => id === target)) throw new MemberError('badTransferee', 'nobody');
    this.setLeader(target);
  }

  async hashKv(
    revision: number,
  ): Promise<HashKv | { readonly kind: 'error'; readonly code: 'compacted' | 'futureRevision' }> {
    const job = this.store.hashKv(revision);
    if ('kind' in job) {
      if (job.code !== 'compacted' && job.code !== 'futureRevision') throw new Error(job.code);
      return { kind: 'error', code: job.code };
    }
    for (let result = job.step(1000); ; result = job.step(1000)) if (result !== undefined) return result;
  }

  backup(): BackupSource {
    const reader = this.store.snapshot();
    return { total: 5000, next: () => reader.next(700), close: () => reader.close() };
  }

  onLeaderChange(listener: (leader: bigint | undefined) => void): void {
    this.#leaderListeners.push(listener);
  }

  setLeader(leader: bigint | undefined): void {
    this.#leader = leader;
    for (const listener of this.#leaderListeners) listener(leader);
  }

  onFailure(): void {}

  async stop(): Promise<void> {
    this.store.close();
  }
}

function operationOf(command: Command): Operation {
  switch (command.kind) {
    case 'leaseGrant':
      return { kind: 'leaseGrant', id: command.grantId, ttl: command.grantTtl };
    case 'put':
      return putRequest(fromBinary(PutRequestSchema, command.request));
    case 'deleteRange':
      return deleteRangeRequest(fromBinary(DeleteRangeRequestSchema, command.request));
    case 'txn':
      return txnRequest(fromBinary(TxnRequestSchema, command.request)) ?? { kind: 'none' };
    case 'compact':
      return { kind: 'compact', revision: clampInt64(fromBinary(CompactionRequestSchema, command.request).revision) };
    case 'leaseRevoke':
      return { kind: 'leaseRevoke', id: fromBinary(LeaseRevokeRequestSchema, command.request).ID };
  }
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
