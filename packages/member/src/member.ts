// One member: a node with a key-value store, its log and its peers. It joins driver, kv and transport and owns what lies
// between them: commands and their answers, the flush loop, leases, watches, the members' names. The storage and the
// network are handed in open, so that server and tests run the same member on different ones.

import { kvRules, type Result, Store, type WatchCounts, type WatchSink, type WatchStream } from '@kontiki/kv';
import {
  type Cancel,
  type Completion,
  type Driver,
  type DriverMetrics,
  type Leadership,
  type LogId,
  type NodeId,
  openDriver,
  StoppedError,
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
import { ClusterMembers } from './cluster-members.ts';
import { Commands, forwardOutcome, startedReply } from './commands.ts';
import { driverPartsOf } from './driver-parts.ts';
import { type EnvelopeBody, encodeEnvelope } from './envelope.ts';
import { FlushLoop } from './flush-loop.ts';
import { decodeForwardRequest, encodeForwardReply, encodeForwardRequest, type ForwardReply } from './forward.ts';
import { hashInTurns } from './hash-in-turns.ts';
import type { LeaseAnswer, LeaseQuestion } from './leader-questions.ts';
import { Leases } from './leases.ts';
import { type AppliedCommand, KvMachine } from './machine.ts';
import type { MemberOptions } from './member-options.ts';
import { memberStatusOf } from './member-status.ts';
import { moveLeadership } from './move-leadership.ts';
import { promised } from './promised.ts';
import { encodePublication, memberIdOf, nodeIdOf, recordName } from './roster.ts';
import { type MemberRules, memberRules } from './rules.ts';
import { tapped } from './taps.ts';
import { Watching } from './watching.ts';

const pendingMax = 20_000;
const flushEveryTicks = 10;
const flushLimits = { rows: 10_000, bytes: 8 * 2 ** 20 } as const;
const publishRetryTicks = 50;

/** Rejects when storage and log do not belong together (`RecoveryError`, `StoreFormatError`). */
export function openMember(options: MemberOptions): Promise<RunningMember> {
  return promised((done) => RunningMember.open(options, done));
}

type NodeDriver = Driver<Result, never, never>;

export class RunningMember implements Member {
  readonly identity: MemberIdentity;
  readonly store: Store;
  readonly #options: MemberOptions;
  readonly #rules: MemberRules;
  readonly #machine: KvMachine;
  readonly #flushLoop: FlushLoop;
  readonly #watching: Watching;
  readonly #leases: Leases;
  readonly #commands: Commands;
  readonly #members: ClusterMembers;
  readonly #timeoutTicks: number;
  readonly #leaderListeners: ((leader: bigint | undefined) => void)[] = [];
  readonly #failureListeners: ((error: Error) => void)[] = [];
  #driver: NodeDriver | undefined;
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
    this.#leases = new Leases({
      rules,
      store: this.store,
      transport,
      ticksPerSecond,
      timeoutTicks: this.#timeoutTicks,
      pendingMax,
      readIndex: (timeoutTicks, done) => this.#running().readIndex(timeoutTicks, done),
      propose: (body) => this.#proposeHere(body) !== undefined,
      submit: (body) => void this.#submit(body).catch(() => {}),
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
    this.#members = new ClusterMembers({
      options,
      store: this.store,
      driver: () => this.#running(),
      propose: (body) => this.#proposeHere(body),
      electionTicks,
      timeoutTicks: this.#timeoutTicks,
      isOver: () => this.#ended !== undefined,
    });
    this.#members.onRemoved(() => this.#leave());
  }

  #begin(completion: Completion<RunningMember>): void {
    const { ticker, taps } = this.#options;
    openDriver(
      {
        ...driverPartsOf(this.#options),
        stateMachine: tapped(this.#machine, taps, () => this.store.revision),
        settings: { ...this.#options.settings, timeoutTicks: this.#timeoutTicks },
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
        this.#members.look();
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
    return promised<undefined>((done) => {
      this.#running().readIndex(this.#timeoutTicks, (outcome) =>
        done(outcome.kind === 'done' ? { kind: 'done', value: undefined } : outcome),
      );
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
    return Promise.resolve(this.#leases.ids());
  }

  members(): readonly MemberRecord[] {
    return this.#members.list();
  }

  isLearner(): boolean {
    return this.#members.isLearner;
  }

  changeMembers(change: MembershipChange): Promise<readonly MemberRecord[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#members.change(change, (answer) => {
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
    this.#members.describe(answer);
  }

  /** Another member says that this one was removed. */
  toldOfRemoval(): void {
    this.#members.toldOfRemoval();
  }

  onRemoved(listener: () => void): void {
    this.#members.onRemoved(listener);
  }

  status(): MemberStatus {
    return memberStatusOf(this.#running().status(), this.store.size());
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
    this.#leases.failAll(this.#ended);
    this.#members.failAll(this.#ended);
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
    return promised((done) =>
      this.#commands.submit(
        (origin) => encodeEnvelope({ origin, user: '', authRevision: 0, ...body }),
        done,
        (task) => this.#options.ticker.defer(task),
      ),
    );
  }

  /** A member may have been started with a larger limit than this one: what it forwards is refused, not an error here. */
  #start(envelope: Uint8Array): ForwardReply {
    const driver = this.#running();
    if (envelope.length > driver.settings.commandBytesMax) return { kind: 'refused', reason: 'tooLarge' };
    const started = driver.start(envelope);
    if (started.kind === 'started') this.#leases.started(envelope, started.at);
    return startedReply(started);
  }

  /** For what the leader itself decides: only its own log will do, and nobody waits for it. */
  #proposeHere(body: EnvelopeBody): LogId | undefined {
    const origin = { member: this.identity.memberId, boot: this.#options.boot, sequence: 0 };
    const started = this.#running().start(encodeEnvelope({ origin, user: '', authRevision: 0, ...body }));
    return started.kind === 'started' ? started.at : undefined;
  }

  #ask(question: LeaseQuestion): Promise<LeaseAnswer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return promised((done) => this.#leases.ask(question, done));
  }

  #asked(body: Uint8Array, reply: (body: Uint8Array) => void, from: NodeId): void {
    const request = decodeForwardRequest(body);
    if (request === undefined) {
      this.#options.logger?.({ level: 'warn', message: 'a peer asked what is no question of ours', fields: { from } });
      return;
    }
    const answer = (answered: ForwardReply): void => reply(encodeForwardReply(answered));
    if (request.kind === 'propose') answer(this.#start(request.envelope));
    else if (request.kind === 'change') this.#members.asked(request.change, answer);
    else this.#leases.asked(request, answer);
  }

  #leaderIs({ leader, role, term }: Leadership): void {
    const isSelf = role === 'leader';
    // First: commands that have waited are now started, and may end or grant leases in this term.
    if (isSelf) this.#leases.lead(term);
    else this.#leases.follow();
    this.#commands.leaderIs(leader, isSelf);
    this.#leases.leaderIs(leader, isSelf);
    this.#members.leaderIs(leader, isSelf);
    for (const listener of this.#leaderListeners) listener(leader === undefined ? undefined : memberIdOf(leader));
  }

  #applied(commands: readonly AppliedCommand[], last: LogId): void {
    for (const command of commands) {
      this.#leases.applied(command);
      this.#commands.applied(command.envelope.origin, command.result);
    }
    this.#commands.passed(last);
    this.#leases.passed(last);
    this.#flushLoop.applied();
    this.#members.lookSoon();
  }

  #restored(last: LogId): void {
    this.#commands.jumped(last);
    this.#leases.restored();
    this.#members.lookSoon();
  }

  /** Nobody takes a command of this member any more: whoever waits shall ask another one. A change of members may yet be answered. */
  #leave(): void {
    this.#ended ??= new StoppedError(undefined);
    this.#commands.failAll(this.#ended);
    this.#leases.failAll(this.#ended);
  }

  #advance(elapsed: number): void {
    this.#commands.advance(elapsed);
    this.#leases.advance(elapsed);
    this.#members.advance(elapsed);
    this.#leases.age(elapsed);
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
    this.#leases.failAll(this.#ended);
    this.#members.failAll(this.#ended);
    for (const listener of this.#failureListeners) listener(error);
  }
}
