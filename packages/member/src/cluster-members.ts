// Who belongs to the cluster, as this member knows it by what is applied here, tells those who ask, and has it changed. What
// a change needs on the leader is in `Membership`, what it makes of this member in `Standing`.

import type { Store } from '@kontiki/kv';
import type { Configuration, Driver, LogId, NodeId } from '@kontiki/raft';
import type { MemberRecord, MembershipChange } from './api.ts';
import type { ChangeAnswer, ChangeReply } from './change-requests.ts';
import type { EnvelopeBody } from './envelope.ts';
import type { MemberOptions } from './member-options.ts';
import { Membership, type MembershipOptions } from './membership.ts';
import { encodeMembers, nodeIdOf, roster } from './roster.ts';
import { Standing } from './standing.ts';

export interface ClusterMembersParts {
  readonly options: MemberOptions;
  readonly store: Pick<Store, 'record' | 'recordNames' | 'position'>;
  readonly driver: () => ReturnType<MembershipOptions['driver']> &
    Pick<Driver<never, never, never>, 'appliedConfiguration' | 'readIndex'>;
  /** Puts it into the log here. */
  readonly propose: (body: EnvelopeBody) => LogId | undefined;
  readonly electionTicks: number;
  readonly timeoutTicks: number;
  /** Whether this member has stopped, or left. */
  readonly isOver: () => boolean;
}

export class ClusterMembers {
  readonly #parts: ClusterMembersParts;
  readonly #membership: Membership;
  readonly #standing: Standing;
  #isLookDue = false;

  constructor(parts: ClusterMembersParts) {
    const { options, store, driver, propose, electionTicks, timeoutTicks } = parts;
    const { identity, transport, ticksPerSecond } = options;
    const record = (name: string): Uint8Array | undefined => store.record(name);
    this.#parts = parts;
    this.#membership = new Membership({
      self: identity.memberId,
      clusterId: identity.clusterId,
      transport,
      driver,
      appliedTerm: () => store.position.term,
      record,
      recordNames: () => store.recordNames(),
      members: (configuration) => this.list(configuration),
      propose,
      isConnected: (id) => options.isConnected?.(nodeIdOf(id)) ?? true,
      isStrict: options.strictReconfigCheck ?? true,
      ticksPerSecond,
      electionTicks,
      timeoutTicks,
    });
    this.#standing = new Standing({
      self: nodeIdOf(identity.memberId),
      record,
      logger: options.logger,
      removedMembers: (ids) => options.removedMembers?.(ids.map(nodeIdOf)),
    });
  }

  get isLearner(): boolean {
    return this.#standing.isLearner;
  }

  /** As of this configuration; of what is applied here when it is not given. */
  list(configuration?: Configuration): readonly MemberRecord[] {
    const { store, driver } = this.#parts;
    return roster(configuration ?? driver().appliedConfiguration(), (name) => store.record(name));
  }

  /** For a client of this member. */
  change(change: MembershipChange, answer: (answer: ChangeAnswer) => void): void {
    this.#membership.request(change, answer);
  }

  /** For a client of any member; here, if this member leads. */
  asked(change: MembershipChange, reply: (reply: ChangeReply) => void): void {
    this.#membership.asked(change, reply);
  }

  /** The cluster, as a process asks for it that wants to join; after a barrier, if there is a leader to give one. */
  describe(answer: (body: Uint8Array) => void): void {
    const { identity, ticksPerSecond } = this.#parts.options;
    const tell = (): void => answer(encodeMembers(identity.clusterId, this.list()));
    if (this.#parts.isOver()) return;
    this.#parts.driver().readIndex(2 * ticksPerSecond, tell);
  }

  /** Another member says that this one was removed. */
  toldOfRemoval(): void {
    this.#standing.removed('another member says so');
  }

  onRemoved(listener: () => void): void {
    this.#standing.onRemoved(listener);
  }

  leaderIs(leader: NodeId | undefined, isSelf: boolean): void {
    this.#membership.leaderIs(leader, isSelf);
  }

  /** Looks what this member is now. */
  look(): void {
    this.#standing.lookAtRecords();
    this.#standing.configured(this.#parts.driver().appliedConfiguration());
  }

  /** While entries are being applied, the driver does not count them yet. */
  lookSoon(): void {
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    this.#parts.options.ticker.defer(() => {
      this.#isLookDue = false;
      if (!this.#parts.isOver()) this.look();
    });
  }

  advance(ticks: number): void {
    this.#membership.advance(ticks);
  }

  failAll(error: Error): void {
    this.#membership.failAll(error);
  }
}
