// Everything of one run, put together, and its one clock: tick by tick inputs, time, whoever waited for a promise, and the
// judges.

import type { RunningMember } from '@kontiki/member';
import { VirtualTime } from '@kontiki/raft/memory';
import { Calls } from './calls.ts';
import { Chance } from './chance.ts';
import { createCheckers } from './checkers/checkers.ts';
import type { CheckerName } from './checkers/names.ts';
import type { Held, Observer } from './checkers/observer.ts';
import { Cluster } from './cluster.ts';
import { drawn, recorded, type Source } from './drawn.ts';
import { Ending } from './ending.ts';
import { applyFault, healAll } from './faults.ts';
import { type Input, isCall, type TimedInput } from './inputs.ts';
import { KeyHistory } from './key-history.ts';
import { Ledger } from './ledger.ts';
import { Marks } from './marks.ts';
import { driftMax } from './nemesis.ts';
import { Oracle } from './oracle.ts';
import type { Plan } from './plan.ts';
import { DeposedLeaders, ShutOut } from './reigns.ts';
import { type Report, type RunOptions, type Violation, ViolationError } from './run.ts';
import { Trace } from './trace.ts';
import { Watcher } from './watching.ts';

const heldEveryTicks = 100;
/** Clients make a call in four ticks at most, and a member gives one up after 700: what is more has been forgotten. */
const heldMax: Held = { commandsWaiting: 300, readsWaiting: 300, overlayBytes: 72 * 2 ** 20 };
/** What puts something right is no fault. */
const remedies: readonly Input['kind'][] = ['start', 'wake', 'healNetwork', 'mendDisk'];

export class World {
  readonly plan: Plan;
  readonly time: VirtualTime = new VirtualTime();
  readonly trace: Trace;
  readonly cluster: Cluster;
  readonly oracle: Oracle;
  readonly ledger: Ledger;
  readonly calls: Calls;
  readonly history: KeyHistory = new KeyHistory();
  readonly watchers: readonly Watcher[];
  readonly chance: Chance;
  readonly #options: RunOptions;
  readonly #observer: Observer;
  readonly #marks = new Marks();
  readonly #violations: Violation[] = [];
  readonly #inputs: TimedInput[] = [];
  readonly #faults: Record<string, number> = {};
  readonly #source: Source;
  readonly #deposed: DeposedLeaders;
  readonly #shutOut: ShutOut;
  readonly #watched = new Map<Watcher, RunningMember>();

  constructor(plan: Plan, options: RunOptions) {
    const { time } = this;
    this.plan = plan;
    this.#options = options;
    this.chance = new Chance(plan.seed, 'world');
    const trace = new Trace(() => time.now, options.print);
    this.trace = trace;
    const violation = (checker: CheckerName, text: string): void => this.violation(checker, text);
    const planted = new Set(options.planted ?? []);
    const observer = createCheckers(violation, heldMax);
    this.#observer = observer;
    const marks = this.#marks;
    this.cluster = new Cluster({
      plan,
      planted,
      rules: options.rules,
      around: options.around,
      time,
      trace,
      marks,
      observer,
      violation,
    });
    this.#deposed = new DeposedLeaders(this.cluster);
    this.#shutOut = new ShutOut(this.cluster);
    const ledger = new Ledger(() => time.now, violation, plan.faults.includes('drift') ? driftMax : 0);
    this.ledger = ledger;
    this.oracle = new Oracle({ learned: (revision, changes) => ledger.learned(revision, changes), violation });
    const { cluster, oracle } = this;
    const hear = (member: RunningMember): void => this.#hear(member);
    const { history } = this;
    this.calls = new Calls({ cluster, oracle, ledger, trace, observer, history, violation, hear });
    this.watchers = Array.from({ length: plan.watchers }, (_, at) => {
      const name = `w${at + 1}`;
      return new Watcher(name, new Chance(plan.seed, name), {
        violation,
        after: (ticks, task) => void time.after(ticks, task),
        skips: planted.has('watchSkipsARevision'),
      });
    });
    const parts = { cluster, calls: this.calls, apply: (input: Input): boolean => this.#apply(input) };
    this.#source = options.inputs === undefined ? drawn(parts) : recorded(options.inputs, parts);
  }

  async play(): Promise<Report> {
    const { cluster, plan } = this;
    for (const seat of cluster.seats) cluster.start(seat);
    const { untilTick = plan.ticks } = this.#options;
    for (let tick = 0; tick < Math.min(plan.ticks, untilTick); tick++) {
      this.#source();
      await this.pass();
    }
    if (untilTick < plan.ticks) return this.#report();
    healAll(cluster, this.trace);
    await new Ending(this).play();
    return this.#report();
  }

  violation(checker: CheckerName, text: string): void {
    this.trace.say(`VIOLATION ${checker} ${text}`);
    this.#violations.push({ checker, text });
  }

  /** As `violation`, and the run ends here. */
  fail(checker: CheckerName, text: string): never {
    this.violation(checker, text);
    throw this.#verdict();
  }

  /** One tick: time, then everybody who waited for a promise, then the judges. */
  async pass(): Promise<void> {
    this.time.advance(1);
    await this.#options.host.turn();
    for (const { member } of this.cluster.lives) if (member !== undefined) this.#hear(member);
    this.ledger.check(this.oracle);
    this.#watch();
    const { now } = this.time;
    const wrong = this.#deposed.look(now) ?? this.#shutOut.look(now);
    if (wrong !== undefined) this.violation('Liveness', wrong);
    if (this.time.now % heldEveryTicks === 0) this.#weigh();
    this.stop();
  }

  stop(): void {
    if (this.#violations.length > 0) throw this.#verdict();
  }

  #verdict(): ViolationError {
    return new ViolationError(this.#violations, this.#report(), this.trace.last(this.#options.traceLines ?? 1));
  }

  #apply(input: Input): boolean {
    this.#inputs.push({ at: this.time.now, input });
    this.#marks.hit(`input ${input.kind}`);
    if (isCall(input)) return true;
    const isDone = applyFault(this.cluster, this.trace, input);
    const kind = input.kind === 'cut' ? `cut ${input.shape}` : input.kind;
    if (isDone && !remedies.includes(input.kind)) this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
    return isDone;
  }

  #hear(member: RunningMember): void {
    const { revision } = member.store;
    const life = this.cluster.lifeOf(member);
    if (life === undefined || life.heard > revision) return;
    life.heard = this.oracle.hear(member.identity.name, member.store, life.heard);
  }

  #watch(): void {
    for (const watcher of this.watchers) {
      watcher.verify(this.oracle);
      const member = this.#watched.get(watcher);
      const life = member === undefined ? undefined : this.cluster.lifeOf(member);
      if (watcher.isConnected && (life === undefined || this.chance.oneIn(400))) watcher.disconnect();
      if (watcher.isConnected) {
        if (this.chance.oneIn(100) && life?.isAsleep === false) watcher.askProgress();
        continue;
      }
      const { awake } = this.cluster;
      if (awake.length === 0 || !this.chance.oneIn(5)) continue;
      const next = this.chance.pick(awake);
      this.#watched.set(watcher, next);
      watcher.connect(next);
    }
  }

  /** What the members hold in memory. */
  #weigh(): void {
    for (const { node, life } of this.cluster.seats) {
      if (life?.member === undefined) continue;
      const { metrics, store } = life.member;
      const { commandsPending: commandsWaiting, readsPending: readsWaiting } = metrics;
      const { overlayBytes } = store;
      this.oracle.hearOldest(life.member.identity.name, store);
      const logEntries = life.status === undefined ? 0 : life.status.last.index - life.status.first + 1;
      this.#observer.held(node, { commandsWaiting, readsWaiting, overlayBytes, logEntries });
    }
  }

  #report(): Report {
    const { acknowledged, failed, unknown } = this.ledger.counts();
    const watched = this.watchers.map(({ counts }) => counts);
    const counts = {
      revisions: this.oracle.revision,
      acknowledged,
      failed,
      unknown,
      faults: Object.values(this.#faults).reduce((sum, count) => sum + count, 0),
      ...this.cluster.counts,
      watched: watched.reduce((sum, { events }) => sum + events, 0),
      resumed: watched.reduce((sum, { resumes }) => sum + resumes, 0),
    };
    return {
      counts,
      faults: this.#faults,
      marks: this.#marks.counts(),
      ticks: this.time.now,
      traceHash: this.trace.hash,
      plan: this.plan,
      inputs: this.#inputs,
      calls: this.history.calls,
    };
  }
}
