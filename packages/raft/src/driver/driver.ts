// The loop that runs the core: what happens in one turn goes in, one `Ready` comes out, and the ports carry it out. It
// owns the order of things and the callers who wait; what a command means is the state machine's affair.
//
// Everything here completes by callback. `RaftNode` is the same with promises.

import type {
  Configuration,
  Index,
  Input,
  LogId,
  Message,
  NodeId,
  Options,
  Raft,
  Ready,
  Status,
  Verdict,
} from '../core/api.ts';
import { members } from '../core/configuration.ts';
import { isCount } from '../core/numbers.ts';
import { createRaftWith, type RaftCore } from '../core/raft.ts';
import { paperRules } from '../core/rules.ts';
import { type ApplyHooks, Applying, type ApplyListener } from './applying.ts';
import type {
  Applied,
  ChangeStarted,
  DriverMetrics,
  DriverOptions,
  Leadership,
  ReadOptions,
  Started,
  StopReason,
} from './driver-api.ts';
import { asError, OutcomeUnknownError, StoppedError } from './errors.ts';
import { handOver } from './hand-over.ts';
import { keyedDraw } from './keyed-draw.ts';
import { LeadershipNews } from './leadership-news.ts';
import { MembershipChanges } from './membership-changes.ts';
import type { Cancel, Completion, Done, LogRecord } from './ports.ts';
import { Proposals } from './proposals.ts';
import { Proposing } from './proposing.ts';
import { Reading } from './reading.ts';
import { type DriverRules, driverRules } from './rules.ts';
import type { DriverSettings } from './settings.ts';
import { Snapshotting, type SnapshottingParts } from './snapshotting.ts';
import { isPristine } from './start-plan.ts';
import { Writing } from './writing.ts';

export class Driver<Result, Query, Answer> {
  readonly id: NodeId;
  readonly settings: DriverSettings;
  readonly #options: DriverOptions<Result, Query, Answer>;
  readonly #rules: DriverRules;
  readonly #core: RaftCore;
  /** The core, or what stands around it. */
  readonly #raft: Raft;
  readonly #proposals: Proposals<Result>;
  readonly #proposing: Proposing<Result>;
  readonly #reading: Reading<Query, Answer>;
  readonly #writing: Writing;
  readonly #applying: Applying<Result, Query, Answer>;
  readonly #snapshotting: Snapshotting<Result, Query, Answer>;
  readonly #membership: MembershipChanges;
  readonly #leadership: LeadershipNews;
  readonly #stopListeners = new Set<(reason: StopReason) => void>();
  readonly #cancelTicks: Cancel;
  #stopped: StopReason | undefined;
  #isTurnDue = false;
  #now = 0;
  #turns = 0;
  #leaderChanges = 0;
  #sent = 0;
  #received = 0;

  /** Begins to take part at once. For `openDriver`, which knows that `restore` fits the disk and the state machine. */
  constructor(options: DriverOptions<Result, Query, Answer>, settings: DriverSettings, restore: Options['restore']) {
    this.id = options.id;
    this.settings = settings;
    this.#options = options;
    const { log, snapshots, transport, ticker, stateMachine, boot } = options;
    const rules = options.rules?.driver ?? driverRules;
    this.#rules = rules;
    const core: Options = {
      id: options.id,
      electionTicks: settings.electionTicks,
      heartbeatTicks: settings.heartbeatTicks,
      preVote: settings.preVote,
      checkQuorum: settings.checkQuorum,
      leaseReads: settings.leaseReads !== undefined,
      ...settings.leaseReads,
      limits: settings.limits,
      draw: keyedDraw(`${options.seed} ${options.id} ${boot}`),
      ...(options.why === undefined ? {} : { why: options.why }),
      restore,
    };
    this.#core = createRaftWith(core, options.rules?.core ?? paperRules);
    this.#raft = options.around?.(this.#core) ?? this.#core;
    const failed = (error: Error): void => this.#fail(error);
    const step = (input: Input): Verdict | undefined => this.#guard(() => this.#step(input));
    const now = (): number => this.#now;
    const stopped = (): StoppedError | undefined => (this.#stopped === undefined ? undefined : this.#stoppedError());
    this.#proposals = new Proposals(rules);
    this.#proposing = new Proposing({ settings, ticker, proposals: this.#proposals, step, now, stopped });
    this.#reading = new Reading({
      boot,
      settings,
      rules,
      ticker,
      query: (query) => stateMachine.query(query),
      applied: restore.applied,
      isRestoring: () => this.#applying.isRestoring,
      step: (input) => this.#step(input),
      schedule: () => this.#schedule(),
      now,
      stopped,
    });
    this.#membership = new MembershipChanges({ settings, ticker, step, status: () => this.status(), now, stopped });
    this.#writing = new Writing(log, rules, {
      send: (message) => this.#send(message),
      persisted: (through) => step({ kind: 'persisted', through }),
      failed,
    });
    const hooks: ApplyHooks = {
      applied: (through) => {
        this.#step({ kind: 'applied', through });
        this.#snapshotting.batchApplied();
        this.#reading.applied(through);
      },
      entry: (entry) => {
        this.#snapshotting.entryApplied(entry);
        this.#membership.applied(entry);
      },
      restored: (snapshot) => {
        this.#snapshotting.restored(snapshot);
        this.#membership.restored(snapshot);
      },
      failed,
    };
    this.#applying = new Applying(stateMachine, snapshots, this.#proposals, hooks, restore.applied);
    const wasPristine = isPristine(restore);
    const snapshotting: SnapshottingParts<Result, Query, Answer> = {
      machine: stateMachine,
      raft: this.#raft,
      snapshots,
      transport,
      ticker,
      settings,
      rules,
      toRestore: () => this.#applying.toRestore,
      hasLog: () => !wasPristine || this.#writing.hasSynced,
      step: (input) => step(input) ?? notLeader,
      log: (level, message, fields) => this.#log(level, message, fields),
      failed,
    };
    this.#snapshotting = new Snapshotting(snapshotting, restore);
    this.#leadership = new LeadershipNews(this.#raft.status());
    transport.start({
      receive: (message) => this.#guard(() => this.#receive(message)),
      unreachable: (peer) => step({ kind: 'unreachable', peer }),
      offerSnapshot: (from, meta) => this.#guard(() => this.#snapshotting.offered(from, meta)),
      request: (from, body, reply) => {
        if (this.#stopped === undefined) options.onRequest?.(from, body, reply);
      },
    });
    this.#setPeers(this.#raft.status().configuration);
    this.#cancelTicks = ticker.start((elapsed) => this.#guard(() => this.#tick(elapsed)));
    this.#schedule();
  }

  /** Hands the command to the log of the leader, if this node is it. Nothing tells what becomes of it but `listen`. */
  start(command: Uint8Array): Started {
    return this.#proposing.start(command);
  }

  /**
   * `start`, and the state machine's answer once the command is committed and applied here. Fails with `NotLeaderError`,
   * `OverloadedError` or `StoppedError` when it certainly has no effect, with `OutcomeUnknownError` when it may have.
   */
  propose(command: Uint8Array, timeoutTicks: number | undefined, done: Completion<Applied<Result>>): void {
    this.#proposing.propose(command, timeoutTicks, done);
  }

  /**
   * Answers once this node has applied everything that was acknowledged anywhere before the call (thesis §6.4). Fails
   * with `UnavailableError`, `OverloadedError` or `StoppedError`.
   */
  readIndex(timeoutTicks: number | undefined, done: Completion<Index>): void {
    this.#reading.confirm('readIndex', timeoutTicks, done);
  }

  /** What the state machine answers, as `options.consistency` says; see `Consistency`. */
  read(query: Query, options: ReadOptions, done: Completion<Answer>): void {
    this.#reading.read(query, options, done);
  }

  /** Hears of everything that is applied, in order, from now on. The result takes it back. */
  listen(listener: ApplyListener): Cancel {
    return this.#applying.listen(listener);
  }

  /** A listener or the state machine has room again. */
  goOn(): void {
    this.#guard(() => this.#applying.goOn());
  }

  /**
   * For a state machine in memory that decides itself when a snapshot is taken: `chunks` are its state as of the entry at
   * `index`, which it has been given. They are stored, and the log shrinks through there, less `settings.catchUpEntries`. May be
   * called while a batch is being applied. `done` comes once they, or something newer, are stored; an index before the newest
   * snapshot changes nothing. While one is being written, only the newest of those that are brought is kept.
   */
  snapshot(index: Index, chunks: Iterable<Uint8Array>, done: Done): void {
    if (this.#options.stateMachine.kind !== 'memory')
      throw new TypeError('a state machine on disk is asked for its snapshots');
    const { handed } = this.#applying;
    if (!isCount(index) || index > handed)
      throw new RangeError(`a snapshot of entry ${index}, but the state machine was given ${handed} entries`);
    if (this.#stopped !== undefined) this.#options.ticker.defer(() => done(this.#stoppedError()));
    else this.#guard(() => this.#snapshotting.bring(index, chunks, done));
  }

  /** Asks `to` to take over (thesis §3.10). `accepted` only means that it has begun; it may come to nothing. */
  transferLeadership(to: NodeId): Verdict {
    return this.#guard(() => this.#step({ kind: 'transferLeadership', to })) ?? notLeader;
  }

  /**
   * Begins to change the members to `to`, which is a whole configuration without `outgoing` (thesis §4.3). Only the leader can,
   * one change at a time. `started` tells where; `changeMembership` also tells what became of it. A change to what is already in
   * force answers with an entry that is committed.
   */
  changeConfiguration(to: Configuration): ChangeStarted {
    return this.#membership.begin(to);
  }

  /**
   * `changeConfiguration`, and the answer once `to` is committed and in force alone. Fails with `NotLeaderError`,
   * `ChangeRefusedError` or `StoppedError` when the change certainly has no effect, with `OutcomeUnknownError` when it may have.
   */
  changeMembership(to: Configuration, timeoutTicks: number | undefined, done: Completion<Configuration>): void {
    this.#membership.change(to, timeoutTicks, done);
  }

  /**
   * Answers when the log of a member is so close to this leader's that it may become a voter (thesis §4.2.1). Fails with
   * `CatchUpError` when it does not get there, and with `NotLeaderError` when this node does not lead any more.
   */
  caughtUp(id: NodeId, timeoutTicks: number | undefined, done: Done): void {
    this.#membership.caughtUp(id, timeoutTicks, done);
  }

  status(): Status {
    return this.#raft.status();
  }

  /** The members as of what is applied here, which is what a client may be told; `status` has those in force. */
  appliedConfiguration(): Configuration {
    const { applied, first, configuration } = this.#raft.status();
    // A snapshot was installed whose state is still being read.
    return applied + 1 < first ? configuration : this.#raft.metaAt(applied).configuration;
  }

  get metrics(): DriverMetrics {
    return {
      turns: this.#turns,
      writes: this.#writing.count,
      leaderChanges: this.#leaderChanges,
      proposals: { ...this.#proposals.counts, refused: this.#proposing.refused },
      commandsApplied: this.#applying.count,
      readsPending: this.#reading.pending,
      snapshots: this.#snapshotting.counts,
      messages: { sent: this.#sent, received: this.#received },
    };
  }

  /** Called at the end of a turn in which leader, term or role changed. */
  onLeadership(listener: (leadership: Leadership) => void): Cancel {
    return this.#leadership.listen(listener);
  }

  /** Called once, when the node has stopped for whatever reason. */
  onStopped(listener: (reason: StopReason) => void): void {
    const reason = this.#stopped;
    if (reason === undefined) this.#stopListeners.add(listener);
    else this.#options.ticker.defer(() => listener(reason));
  }

  /**
   * Stops taking part. With `handOver`, a leader first lets the follower that is furthest take over, for at most one
   * election timeout. Commands that wait fail as unknown: they may be committed by others.
   */
  stop(options: { readonly handOver: boolean }, done: Done): void {
    if (this.#stopped !== undefined) this.#options.ticker.defer(() => done(undefined));
    else if (options.handOver) handOver(this, this.#options.ticker, () => this.#close(done));
    else this.#close(done);
  }

  #close(done: Done): void {
    const { log, transport } = this.#options;
    if (this.#stopped !== undefined) {
      this.#options.ticker.defer(() => done(undefined));
      return;
    }
    this.#end({ kind: 'stopped' });
    this.#writing.stop(() => log.close((logError) => transport.stop((error) => done(logError ?? error))));
  }

  /** Fail-stop: nothing is written, sent or answered any more. */
  #fail(error: Error): void {
    if (this.#stopped !== undefined) return;
    this.#log('error', 'node stops itself', { reason: error.message });
    this.#end({ kind: 'failed', error });
    this.#writing.stop(() => {});
    this.#options.transport.stop(() => {});
  }

  #end(reason: StopReason): void {
    this.#stopped = reason;
    this.#cancelTicks();
    this.#applying.stop();
    this.#snapshotting.stop();
    const error = this.#stoppedError();
    // What was accepted may already be at the others.
    this.#proposals.failAll(
      new OutcomeUnknownError('the node stopped before the command was applied', { cause: error }),
    );
    this.#membership.stop(error);
    this.#reading.failAll(error);
    const listeners = [...this.#stopListeners];
    this.#stopListeners.clear();
    this.#options.ticker.defer(() => {
      for (const listener of listeners) listener(reason);
    });
  }

  #stoppedError(): StoppedError {
    return new StoppedError(this.#stopped?.kind === 'failed' ? this.#stopped.error : undefined);
  }

  /** Nothing runs after the end, and what throws is the end: a broken invariant, or a state machine that failed. */
  #guard<T>(task: () => T): T | undefined {
    if (this.#stopped !== undefined) return undefined;
    try {
      return task();
    } catch (error: unknown) {
      this.#fail(asError(error));
      return undefined;
    }
  }

  #step(input: Input): Verdict {
    const verdict = this.#raft.step(input);
    this.#schedule();
    return verdict;
  }

  #tick(elapsed: number): void {
    this.#now += elapsed;
    this.#step({ kind: 'tick', elapsed });
    this.#proposals.expire(this.#now);
    this.#membership.tick();
    this.#reading.tick();
  }

  #receive(message: Message): void {
    this.#received += 1;
    if (message.kind === 'installSnapshot' && !this.#mayInstall(message.snapshot.last)) {
      // The sender says it again; until the bytes are here it is of no use.
      this.#log('debug', 'snapshot announced that is not stored here', {
        from: message.from,
        index: message.snapshot.last.index,
      });
      return;
    }
    this.#step({ kind: 'receive', message });
  }

  /** The bytes are durable here, or the core needs none of them because it has all that they cover. */
  #mayInstall(last: LogId): boolean {
    const isCovered = last.index <= this.#raft.status().commit;
    return this.#rules.mayInstall({ isCovered, isStored: this.#snapshotting.isStored(last) });
  }

  #schedule(): void {
    if (this.#isTurnDue || this.#stopped !== undefined) return;
    this.#isTurnDue = true;
    this.#options.ticker.defer(() => {
      this.#isTurnDue = false;
      this.#guard(() => this.#turn());
    });
  }

  #turn(): void {
    this.#turns += 1;
    this.#reading.ask();
    const ready = this.#raft.ready();
    if (ready !== undefined) this.#carryOut(ready);
    const { onTurn } = this.#options;
    const isDue = this.#leadership.isDue(this.#core, ready !== undefined);
    // A view is made only for those who look at it.
    if (!isDue && (ready === undefined || onTurn === undefined)) return;
    const status = this.#raft.status();
    onTurn?.(status);
    this.#noticeLeadership(status);
  }

  #carryOut(ready: Ready): void {
    if (ready.configuration !== undefined) {
      this.#setPeers(ready.configuration);
      this.#snapshotting.cancelSendsToOthers(members(ready.configuration));
    }
    // thesis §10.2.1: what promises nothing leaves at once, beside the write.
    for (const message of ready.send) this.#send(message);
    if (ready.persist !== undefined) this.#writing.write(ready.persist);
    if (ready.afterPersist !== undefined) this.#writing.sendAfter(ready.afterPersist);
    this.#reading.settle(ready.reads);
    if (ready.apply.length > 0) this.#applying.push(ready.apply);
    if (ready.snapshotsWanted.length > 0) this.#snapshotting.wanted(ready.snapshotsWanted);
  }

  #send(message: Message): void {
    this.#sent += 1;
    this.#options.transport.send(message);
  }

  #setPeers(configuration: Configuration): void {
    const peers = configuration.addresses.filter(([id]) => id !== this.id).map(([id, address]) => ({ id, address }));
    const isMember = members(configuration).includes(this.id);
    // A node that joins reads of configurations in which neither it nor its leader takes part: it must go on answering.
    const hints = isMember ? [] : (this.#options.join?.peers ?? []);
    const more = hints.filter(({ id }) => id !== this.id && !peers.some((peer) => peer.id === id));
    this.#options.transport.setPeers([...peers, ...more]);
  }

  #noticeLeadership(status: Status): void {
    const before = this.#leadership.replace(status);
    if (before === undefined) return;
    const { leader, term, role } = status;
    if (before.role === 'leader' && role !== 'leader') this.#snapshotting.cancelSends();
    if (before.leader !== leader) {
      this.#leaderChanges += 1;
      this.#log('info', 'leader changed', { leader, term, role });
      this.#reading.leaderChanged();
    }
    this.#leadership.tell();
  }

  #log(level: LogRecord['level'], message: string, fields: LogRecord['fields']): void {
    this.#options.logger?.({ level, message, fields: { id: this.id, ...fields } });
  }
}

/** What a node that has stopped answers. */
const notLeader: Verdict = { kind: 'refused', leader: undefined, reason: 'notLeader' };
