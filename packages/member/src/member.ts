// One member: a node with a key-value store, its log and its peers. It joins driver, kv and transport and owns what lies
// between them: commands and their answers, the flush loop, leases, watches, the members' names. The storage and the
// network are handed in open, so that server and tests run the same member on different ones.

import {
  type Backend,
  type KvRules,
  kvRules,
  LeaseClock,
  type Result,
  Store,
  type WatchCounts,
  type WatchSink,
  type WatchStream,
} from '@kontiki/kv';
import {
  type Cancel,
  type Completion,
  type Driver,
  type DriverMetrics,
  type DriverOptions,
  type DriverSettings,
  type Logger,
  type LogId,
  type LogStore,
  type NodeId,
  openDriver,
  type SnapshotStore,
  type Status,
  StoppedError,
  type Ticker,
  type Transport,
} from '@kontiki/raft';
import type {
  BackupSource,
  Command,
  LeaseTimeToLive,
  Member,
  MemberIdentity,
  MemberRecord,
  MemberStatus,
  MembershipChange,
} from './api.ts';
import { MemberError } from './api.ts';
import { Commands, type ForwardOutcome, startedReply } from './commands.ts';
import { decodeEnvelope, type EnvelopeBody, encodeEnvelope, isOfLease } from './envelope.ts';
import { FlushLoop } from './flush-loop.ts';
import {
  decodeForwardReply,
  decodeForwardRequest,
  encodeForwardReply,
  encodeForwardRequest,
  type ForwardReply,
} from './forward.ts';
import { hashInTurns } from './hash-in-turns.ts';
import { LeaderQuestions, type LeaseQuestion, leaseReply } from './leader-questions.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { type AppliedCommand, KvMachine } from './machine.ts';
import { Membership } from './membership.ts';
import { moveLeadership } from './move-leadership.ts';
import { operationOf, revokeRequest } from './requests.ts';
import {
  addressOf,
  encodeMembers,
  encodePublication,
  firstConfiguration,
  memberIdOf,
  nodeIdOf,
  recordName,
  roster,
} from './roster.ts';
import { type MemberRules, memberRules } from './rules.ts';
import { Standing } from './standing.ts';
import { type MemberTaps, tapped } from './taps.ts';
import { Watching } from './watching.ts';

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

const pendingMax = 20_000;
const flushEveryTicks = 10;
const flushLimits = { rows: 10_000, bytes: 8 * 2 ** 20 } as const;
const publishRetryTicks = 50;

/** Rejects when storage and log do not belong together (`RecoveryError`, `StoreFormatError`). */
export function openMember(options: MemberOptions): Promise<RunningMember> {
  return new Promise((resolve, reject) => {
    RunningMember.open(options, (outcome) => {
      if (outcome.kind === 'done') resolve(outcome.value);
      else reject(outcome.error);
    });
  });
}

type NodeDriver = Driver<Result, never, never>;

export class RunningMember implements Member {
  readonly identity: MemberIdentity;
  readonly store: Store;
  readonly #options: MemberOptions;
  readonly #rules: MemberRules;
  readonly #self: NodeId;
  readonly #machine: KvMachine;
  readonly #flushLoop: FlushLoop;
  readonly #watching: Watching;
  readonly #clock: LeaseClock;
  readonly #keeper: LeaseKeeper;
  readonly #commands: Commands;
  readonly #questions: LeaderQuestions;
  readonly #membership: Membership;
  readonly #standing: Standing;
  readonly #timeoutTicks: number;
  readonly #leaderListeners: ((leader: bigint | undefined) => void)[] = [];
  readonly #failureListeners: ((error: Error) => void)[] = [];
  #driver: NodeDriver | undefined;
  #isLookDue = false;
  #cancelTicks: Cancel = () => {};
  #cancelPublish: Cancel = () => {};
  #failure: Error | undefined;
  /** What every call is answered with once the member has stopped, by itself or in order. */
  #ended: StoppedError | undefined;

  static open(options: MemberOptions, completion: Completion<RunningMember>): void {
    let member: RunningMember;
    try {
      member = new RunningMember(options);
    } catch (error: unknown) {
      const cause = error instanceof Error ? error : new Error(String(error));
      options.ticker.defer(() => completion({ kind: 'failed', error: cause }));
      return;
    }
    member.#begin(completion);
  }

  private constructor(options: MemberOptions) {
    const { identity, backend, ticker, transport, ticksPerSecond, boot } = options;
    this.identity = identity;
    this.#options = options;
    const { member: rules = memberRules, kv = kvRules } = options.rules ?? {};
    this.#rules = rules;
    this.#self = nodeIdOf(identity.memberId);
    const electionTicks = options.settings?.electionTicks ?? 100;
    // etcd: five seconds, and two elections.
    this.#timeoutTicks = 5 * ticksPerSecond + 2 * electionTicks;
    this.store = Store.open({
      backend,
      durable: (position) => this.#machine.becameDurable(position.index),
      rules: kv,
    });
    this.#machine = new KvMachine(this.store, ticker, {
      applied: (commands, last) => this.#applied(commands, last),
      restored: (last) => this.#restored(last),
    });
    this.#flushLoop = new FlushLoop({
      store: this.store,
      ticker,
      everyTicks: flushEveryTicks,
      eagerBytes: flushLimits.bytes,
      limits: flushLimits,
      failed: (error) => this.#fail(error),
    });
    this.#watching = new Watching(this.store, ticker, options.watchProgressTicks, kv);
    this.#clock = new LeaseClock({
      ticksPerSecond: rules.leaseSecond(ticksPerSecond),
      retryTicks: 3 * ticksPerSecond,
    });
    this.#keeper = new LeaseKeeper({
      rules,
      clock: this.#clock,
      ticksPerSecond,
      expire: (id, term) => this.#expire(id, term),
    });
    this.#commands = new Commands({
      rules,
      origin: { member: identity.memberId, boot },
      timeoutTicks: this.#timeoutTicks,
      pendingMax,
      start: (envelope) => this.#start(envelope),
      forward: (to, envelope, timeoutTicks, back) => {
        const body = encodeForwardRequest({ kind: 'propose', envelope });
        transport.request(to, body, timeoutTicks, (outcome) => back(forwardOutcome(outcome)));
      },
    });
    this.#questions = new LeaderQuestions({
      rules,
      transport,
      clock: this.#clock,
      ticksPerSecond,
      timeoutTicks: this.#timeoutTicks,
      pendingMax,
      readIndex: (timeoutTicks, done) => this.#running().readIndex(timeoutTicks, done),
      grantedTtl: (lease) => this.store.lease(lease)?.ttl,
    });
    const record = (name: string): Uint8Array | undefined => this.store.record(name);
    this.#membership = new Membership({
      self: identity.memberId,
      clusterId: identity.clusterId,
      transport,
      driver: () => this.#running(),
      appliedTerm: () => this.store.position.term,
      record,
      recordNames: () => this.store.recordNames(),
      members: (configuration) => roster(configuration ?? this.#running().appliedConfiguration(), record),
      propose: (body) => this.#proposeHere(body),
      isConnected: (id) => options.isConnected?.(nodeIdOf(id)) ?? true,
      isStrict: options.strictReconfigCheck ?? true,
      ticksPerSecond,
      electionTicks,
      timeoutTicks: this.#timeoutTicks,
    });
    this.#standing = new Standing({
      self: this.#self,
      record,
      logger: options.logger,
      removedMembers: (ids) => options.removedMembers?.(ids.map(nodeIdOf)),
    });
    this.#standing.onRemoved(() => this.#leave());
  }

  #begin(completion: Completion<RunningMember>): void {
    const { log, snapshots, transport, ticker, seed, settings, boot, logger, rules, taps, join } = this.#options;
    openDriver(
      {
        id: this.#self,
        boot,
        ...(join === undefined
          ? { bootstrap: firstConfiguration(this.#options.initialMembers) }
          : { join: { peers: join.map(({ id, peerUrls }) => ({ id: nodeIdOf(id), address: addressOf(peerUrls) })) } }),
        log,
        snapshots,
        transport,
        ticker,
        stateMachine: tapped(this.#machine, taps, () => this.store.revision),
        seed,
        settings: { ...settings, timeoutTicks: this.#timeoutTicks },
        ...(logger === undefined ? {} : { logger }),
        ...(rules === undefined ? {} : { rules }),
        ...(taps === undefined ? {} : { onTurn: (status: Status) => taps.turnEnded(status) }),
        ...(taps?.why === undefined ? {} : { why: taps.why }),
        ...(taps?.around === undefined ? {} : { around: taps.around }),
        onRequest: (from, body, reply) => this.#asked(body, (bytes) => reply(bytes), from),
      },
      (outcome) => {
        if (outcome.kind === 'failed') {
          completion(outcome);
          return;
        }
        this.#driver = outcome.value;
        this.#driver.onLeadership((leadership) => this.#leaderIs(leadership));
        this.#driver.onStopped((reason) => {
          if (reason.kind === 'failed') this.#fail(reason.error);
        });
        this.#cancelTicks = ticker.start((elapsed) => this.#advance(elapsed));
        this.#lookAtStanding();
        completion({ kind: 'done', value: this });
      },
    );
  }

  /** Tells the cluster this member's name and client URLs, until it is known to know them. Answers once it does. */
  publish(): Promise<void> {
    const { name, memberId } = this.identity;
    const value = encodePublication(name, this.#options.clientUrls);
    return new Promise((resolve) => {
      const attempt = (): void => {
        this.#submit({ kind: 'setRecord', name: recordName(memberId), value }).then(
          () => resolve(),
          () => {
            if (this.#ended === undefined) this.#cancelPublish = this.#options.ticker.after(publishRetryTicks, attempt);
          },
        );
      };
      attempt();
    });
  }

  propose(command: Command): Promise<Result> {
    if (command.kind !== 'leaseGrant') return this.#submit(command);
    return this.#submit({ kind: 'leaseGrant', id: command.grantId, ttl: command.grantTtl });
  }

  linearize(): Promise<void> {
    if (!this.#rules.readsWait()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#running().readIndex(this.#timeoutTicks, (outcome) => {
        if (outcome.kind === 'done') resolve();
        else reject(outcome.error);
      });
    });
  }

  watch(sink: WatchSink): WatchStream {
    return this.#watching.open(sink);
  }

  /** For metrics. */
  get watches(): WatchCounts {
    return this.#watching.counts();
  }

  /** For metrics. */
  get metrics(): DriverMetrics & { readonly commandsPending: number } {
    return { ...this.#running().metrics, commandsPending: this.#commands.pending };
  }

  async keepAlive(lease: bigint): Promise<{ readonly ttl: number }> {
    const { ttl } = await this.#ask({ kind: 'keepAlive', lease });
    return { ttl };
  }

  async timeToLive(lease: bigint, withKeys: boolean): Promise<LeaseTimeToLive> {
    const { ttl, grantedTtl } = await this.#ask({ kind: 'timeToLive', lease });
    if (!withKeys || ttl < 0) return { ttl, grantedTtl, keys: [] };
    await this.linearize();
    const keys = [...(this.store.lease(lease)?.keys ?? [])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    return { ttl, grantedTtl, keys };
  }

  leases(): Promise<readonly bigint[]> {
    return Promise.resolve(this.#clock.leading ? this.#clock.byExpiry() : this.store.leases().map(({ id }) => id));
  }

  members(): readonly MemberRecord[] {
    return roster(this.#running().appliedConfiguration(), (name) => this.store.record(name));
  }

  isLearner(): boolean {
    return this.#standing.isLearner;
  }

  changeMembers(change: MembershipChange): Promise<readonly MemberRecord[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#membership.request(change, (answer) => {
        if (answer.kind === 'done') resolve(answer.members);
        else reject(answer.error);
      });
    });
  }

  addMember(member: {
    readonly id: bigint;
    readonly peerUrls: readonly string[];
    readonly isLearner: boolean;
  }): Promise<readonly MemberRecord[]> {
    return this.changeMembers({ kind: 'add', ...member });
  }

  removeMember(id: bigint): Promise<readonly MemberRecord[]> {
    return this.changeMembers({ kind: 'remove', id });
  }

  /** Changes the URLs that the others reach it by. */
  updateMember(id: bigint, peerUrls: readonly string[]): Promise<readonly MemberRecord[]> {
    return this.changeMembers({ kind: 'update', id, peerUrls });
  }

  /** Makes a voter of a learner. */
  promoteMember(id: bigint): Promise<readonly MemberRecord[]> {
    return this.changeMembers({ kind: 'promote', id });
  }

  /** The cluster, as a process asks for it that wants to join; after a barrier, if there is a leader to give one. */
  describeCluster(answer: (body: Uint8Array) => void): void {
    const { clusterId } = this.identity;
    const tell = (): void => answer(encodeMembers(clusterId, this.members()));
    if (this.#ended !== undefined) return;
    this.#running().readIndex(2 * this.#options.ticksPerSecond, tell);
  }

  /** Another member says that this one was removed. */
  toldOfRemoval(): void {
    this.#standing.removed('another member says so');
  }

  onRemoved(listener: () => void): void {
    this.#standing.onRemoved(listener);
  }

  status(): MemberStatus {
    const status = this.#running().status();
    const { bytes, bytesInUse } = this.store.size();
    return {
      leader: status.leader === undefined ? undefined : memberIdOf(status.leader),
      isLeader: status.role === 'leader',
      voters: [...new Set([...status.configuration.voters, ...status.configuration.outgoing])].map(memberIdOf),
      term: status.term,
      commit: status.commit,
      applied: status.applied,
      dbSize: bytes,
      dbSizeInUse: bytesInUse,
      progress:
        status.role === 'leader' ? status.progress.map(([id, { match }]) => ({ id: memberIdOf(id), match })) : [],
    };
  }

  moveLeader(target: bigint): Promise<void> {
    return moveLeadership(this.#running(), nodeIdOf(target), this.#options.ticker, this.#timeoutTicks);
  }

  hashKv(revision: number): ReturnType<Member['hashKv']> {
    return hashInTurns(this.store, this.#options.ticker, revision);
  }

  backup(): BackupSource {
    const reader = this.store.snapshot();
    return { total: this.store.size().bytesInUse, next: () => reader.next(32 * 1024), close: () => reader.close() };
  }

  onLeaderChange(listener: (leader: bigint | undefined) => void): void {
    this.#leaderListeners.push(listener);
  }

  onFailure(listener: (error: Error) => void): void {
    if (this.#failure !== undefined) listener(this.#failure);
    else this.#failureListeners.push(listener);
  }

  async stop(options: { readonly handOver: boolean }): Promise<void> {
    const driver = this.#running();
    this.#cancelPublish();
    await new Promise<void>((resolve, reject) => {
      driver.stop(options, (error) => (error === undefined ? resolve() : reject(error)));
    });
    this.#cancelTicks();
    this.#ended ??= new StoppedError(undefined);
    this.#commands.failAll(this.#ended);
    this.#questions.failAll(this.#ended);
    this.#membership.failAll(this.#ended);
    if (this.#failure === undefined) await new Promise<void>((resolve) => this.#flushLoop.drain(resolve));
    this.#flushLoop.stop();
    this.store.close();
    await new Promise<void>((resolve, reject) => {
      this.#options.backend.close((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  #running(): NodeDriver {
    if (this.#driver === undefined) throw new MemberError('noLeader', 'the member has not begun yet');
    return this.#driver;
  }

  #submit(body: EnvelopeBody): Promise<Result> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#commands.submit(
        (origin) => encodeEnvelope({ ...body, origin, user: '', authRevision: 0 }),
        (answered) => {
          if (answered.kind === 'done') resolve(answered.value);
          else reject(answered.error);
        },
        (task) => this.#options.ticker.defer(task),
      );
    });
  }

  /** A member may have been started with a larger limit than this one: what it forwards is refused, not an error here. */
  #start(envelope: Uint8Array): ForwardReply {
    const driver = this.#running();
    if (envelope.length > driver.settings.commandBytesMax) return { kind: 'refused', reason: 'tooLarge' };
    const started = driver.start(envelope);
    const lease = started.kind === 'started' ? leaseOf(envelope) : undefined;
    if (started.kind === 'started' && lease !== undefined) this.#keeper.touched(lease, started.at.index);
    return startedReply(started);
  }

  /** For what the leader itself decides: only its own log will do, and nobody waits for it. */
  #proposeHere(body: EnvelopeBody): LogId | undefined {
    const origin = { member: this.identity.memberId, boot: this.#options.boot, sequence: 0 };
    const started = this.#running().start(encodeEnvelope({ ...body, origin, user: '', authRevision: 0 }));
    return started.kind === 'started' ? started.at : undefined;
  }

  #expire(id: bigint, term: number): boolean {
    if (this.#rules.fencesExpiry()) return this.#proposeHere({ kind: 'leaseExpire', id, term }) !== undefined;
    this.#submit({ kind: 'leaseRevoke', request: revokeRequest(id) }).catch(() => {});
    return true;
  }

  #ask(question: LeaseQuestion): Promise<{ readonly ttl: number; readonly grantedTtl: number }> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#questions.ask(question, (outcome) => {
        if (outcome.kind === 'done') resolve(outcome.value);
        else reject(outcome.error);
      });
    });
  }

  #asked(body: Uint8Array, reply: (body: Uint8Array) => void, from: NodeId): void {
    const request = decodeForwardRequest(body);
    if (request === undefined) {
      this.#options.logger?.({ level: 'warn', message: 'a peer asked what is no question of ours', fields: { from } });
      return;
    }
    if (request.kind === 'propose') {
      reply(encodeForwardReply(this.#start(request.envelope)));
      return;
    }
    if (request.kind === 'change') {
      this.#membership.asked(request.change, (answer) => reply(encodeForwardReply(answer)));
      return;
    }
    this.#questions.answerHere(request, (answer) => reply(encodeForwardReply(leaseReply(answer))));
  }

  #leaderIs({
    leader,
    role,
    term,
  }: {
    readonly leader: NodeId | undefined;
    readonly role: string;
    readonly term: number;
  }): void {
    const isSelf = role === 'leader';
    if (isSelf) this.#keeper.lead(term, this.store.leases());
    else this.#keeper.follow();
    this.#commands.leaderIs(leader, isSelf);
    this.#questions.leaderIs(leader, isSelf);
    this.#membership.leaderIs(leader, isSelf);
    for (const listener of this.#leaderListeners) listener(leader === undefined ? undefined : memberIdOf(leader));
  }

  #applied(commands: readonly AppliedCommand[], last: LogId): void {
    for (const { envelope, result } of commands) {
      if (result.kind === 'leaseGrant') this.#keeper.granted(result.id, result.ttl);
      else if (result.kind === 'leaseRevoke') this.#keeper.ended(revokedLease(envelope));
      this.#commands.applied(envelope.origin, result);
    }
    this.#commands.passed(last);
    this.#keeper.passed(last);
    this.#flushLoop.applied();
    this.#lookAtStandingSoon();
  }

  #restored(last: LogId): void {
    this.#commands.jumped(last);
    this.#keeper.restored(this.store.leases());
    this.#lookAtStandingSoon();
  }

  /** Nobody takes a command of this member any more: whoever waits shall ask another one. A change of members may yet be answered. */
  #leave(): void {
    this.#ended ??= new StoppedError(undefined);
    this.#commands.failAll(this.#ended);
    this.#questions.failAll(this.#ended);
  }

  /** While entries are being applied, the driver does not count them yet. */
  #lookAtStandingSoon(): void {
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    this.#options.ticker.defer(() => {
      this.#isLookDue = false;
      if (this.#ended === undefined) this.#lookAtStanding();
    });
  }

  #lookAtStanding(): void {
    this.#standing.lookAtRecords();
    this.#standing.configured(this.#running().appliedConfiguration());
  }

  #advance(elapsed: number): void {
    this.#commands.advance(elapsed);
    this.#questions.advance(elapsed);
    this.#membership.advance(elapsed);
    this.#keeper.advance(elapsed);
    this.#flushLoop.advance(elapsed);
    this.#watching.advance(elapsed);
  }

  /** Fail-stop: a port that stores bytes has failed, or an invariant. Nothing is answered any more. */
  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#ended ??= new StoppedError(error);
    this.#cancelTicks();
    this.#flushLoop.stop();
    this.#driver?.stop({ handOver: false }, () => {});
    this.#commands.failAll(this.#ended);
    this.#questions.failAll(this.#ended);
    this.#membership.failAll(this.#ended);
    for (const listener of this.#failureListeners) listener(error);
  }
}

function forwardOutcome(outcome: Parameters<Parameters<Transport['request']>[3]>[0]): ForwardOutcome {
  if (outcome.kind === 'refused') return { kind: 'undelivered' };
  if (outcome.kind === 'lost') return { kind: 'lost' };
  return decodeForwardReply(outcome.body) ?? { kind: 'lost' };
}

/** The lease that a command grants or ends. */
function leaseOf(bytes: Uint8Array): bigint | undefined {
  if (!isOfLease(bytes)) return undefined;
  const envelope = decodeEnvelope(bytes);
  return envelope.kind === 'leaseGrant' ? envelope.id : revokedLease(envelope);
}

function revokedLease(envelope: AppliedCommand['envelope']): bigint {
  if (envelope.kind === 'leaseExpire') return envelope.id;
  const operation = envelope.kind === 'leaseRevoke' ? operationOf(envelope.kind, envelope.request) : undefined;
  return operation?.kind === 'leaseRevoke' ? operation.id : 0n;
}
