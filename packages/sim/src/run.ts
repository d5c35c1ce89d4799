// One seed, from an empty cluster to a verdict: a phase of faults under load, then a majority is healed and must make
// progress, then everybody is, and all must agree with each other and with what clients were told.

import type { RunningMember } from '@kontiki/member';
import { VirtualTime } from '@kontiki/raft/memory';
import { Chance } from './chance.ts';
import { sameBytes } from './checkers/bytes.ts';
import type { CheckerName, ReportViolation } from './checkers/names.ts';
import { Client } from './clients.ts';
import { Cluster, type Seat } from './cluster.ts';
import { rangeOf } from './commands.ts';
import type { Host } from './host.ts';
import { Ledger } from './ledger.ts';
import { Nemesis } from './nemesis.ts';
import { Oracle } from './oracle.ts';
import { type Plan, planOf, ticksPerSecond } from './plan.ts';
import type { PlantedFault } from './planted.ts';
import { Trace } from './trace.ts';
import { Watcher } from './watching.ts';

export interface RunOptions {
  readonly host: Host;
  /** How many lines of the trace a violation carries; 1 unless given. */
  readonly traceLines?: number;
  /** Gets every line of the trace as it happens. */
  readonly print?: (line: string) => void;
  readonly planted?: readonly PlantedFault[];
  readonly plan?: Partial<Plan>;
}

export interface Violation {
  readonly checker: CheckerName;
  /** Both facts that clash, in one sentence. */
  readonly text: string;
}

/** What a run has seen, so that a test can tell whether it was worth its time. */
export interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly traceHash: string;
}

export class ViolationError extends Error {
  readonly code = 'VIOLATION';
  /** In the order in which they were found: the first is the one to look at. */
  readonly violations: readonly Violation[];

  constructor(seed: number, violations: readonly Violation[], trace: Trace, traceLines: number) {
    const found = violations.slice(0, 5).map(({ checker, text }) => `${checker}: ${text}`);
    super([`seed ${seed}: ${found.join('; ')}`, ...trace.last(traceLines)].join('\n'));
    this.name = 'ViolationError';
    this.violations = violations;
  }
}

/** From heal to the first write, for a majority (etcd's clients give up after that). */
const progressTicks = 5 * ticksPerSecond;
/** A command waits at most that long for its answer; then nobody waits any more. */
const patienceTicks = 600;
const leaseTicksMax = 4 * ticksPerSecond;

export async function run(seed: number, options: RunOptions): Promise<Report> {
  const world = new World({ ...planOf(seed), ...options.plan }, new Set(options.planted ?? []), options);
  const stray: Violation[] = [];
  const cancel = options.host.onStray((reason) => {
    const text = `a promise was rejected and nobody heard: ${reason instanceof Error ? reason.stack : String(reason)}`;
    stray.push({ checker: 'NoStrayRejection', text });
  });
  try {
    return await world.play(stray);
  } finally {
    cancel();
  }
}

class World {
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #violations: Violation[] = [];
  readonly #time = new VirtualTime();
  readonly #options: RunOptions;
  readonly #trace: Trace;
  readonly #cluster: Cluster;
  readonly #oracle: Oracle;
  readonly #ledger: Ledger;
  readonly #nemesis: Nemesis;
  readonly #clients: readonly Client[];
  readonly #watchers: readonly Watcher[];
  readonly #watched = new Map<Watcher, RunningMember>();
  readonly #hashes = new Map<string, number>();
  #stray: readonly Violation[] = [];

  constructor(plan: Plan, planted: ReadonlySet<PlantedFault>, options: RunOptions) {
    this.#options = options;
    this.#trace = new Trace(() => this.#time.now, options.print);
    this.#plan = plan;
    this.#chance = new Chance(plan.seed, 'world');
    const violation: ReportViolation = (checker, text) => {
      this.#trace.say(`VIOLATION ${checker}: ${text}`);
      this.#violations.push({ checker, text });
    };
    const cluster = new Cluster(plan, planted, { time: this.#time, trace: this.#trace, violation });
    this.#cluster = cluster;
    const ledger = new Ledger(() => this.#time.now, violation);
    this.#ledger = ledger;
    const oracle = new Oracle({ learned: (revision, changes) => ledger.learned(revision, changes), violation });
    this.#oracle = oracle;
    this.#nemesis = new Nemesis(cluster, plan, this.#trace);
    this.#clients = Array.from({ length: plan.clients }, (_, at) => {
      const name = `c${at + 1}`;
      const chance = new Chance(plan.seed, name);
      const hear = (member: RunningMember): void => this.#hear(member);
      const hashes = this.#hashes;
      const trace = this.#trace;
      return new Client({ name, cluster, plan, planted, oracle, ledger, trace, chance, violation, hear, hashes });
    });
    this.#watchers = Array.from({ length: plan.watchers }, (_, at) => {
      const name = `w${at + 1}`;
      return new Watcher(name, new Chance(plan.seed, name), {
        violation,
        after: (ticks, task) => void this.#time.after(ticks, task),
        skips: planted.has('watchSkipsARevision'),
      });
    });
  }

  async play(stray: readonly Violation[]): Promise<Report> {
    this.#stray = stray;
    const { seats } = this.#cluster;
    for (const seat of seats) this.#cluster.start(seat);
    const clients = this.#clients.map((client) => client.run());
    for (let tick = 0; tick < this.#plan.ticks; tick++) {
      this.#nemesis.step();
      await this.#pass();
    }
    this.#nemesis.healAll();
    await this.#progress();
    for (const client of this.#clients) client.end();
    for (const seat of seats) this.#cluster.start(seat);
    await this.#until(() => this.#isSettled(), 'every member runs and holds the same', 3 * patienceTicks);
    await this.#within(Promise.all(clients), 'every client has its last answer');
    await this.#until(() => this.#nobodyWaits() && this.#isSettled(), 'every call is answered', patienceTicks);
    await this.#leasesEnd();
    await this.#agree();
    if (this.#chance.oneIn(2)) await this.#restartInOrder();
    return this.#report();
  }

  /** One tick: time, then everybody who waited for a promise, then the judge. */
  async #pass(): Promise<void> {
    this.#time.advance(1);
    await this.#options.host.turn();
    for (const { member } of this.#cluster.lives) if (member !== undefined) this.#hear(member);
    this.#ledger.check(this.#oracle);
    this.#watch();
    this.#stop();
  }

  #stop(): void {
    const all = [...this.#violations, ...this.#stray];
    if (all.length > 0) throw new ViolationError(this.#plan.seed, all, this.#trace, this.#options.traceLines ?? 1);
  }

  #violate(checker: CheckerName, text: string): void {
    this.#violations.push({ checker, text });
    this.#stop();
  }

  #hear(member: RunningMember): void {
    const life = this.#cluster.lifeOf(member);
    if (life === undefined) return;
    const { restored } = member.metrics.snapshots;
    if (restored !== life.restores) {
      life.restores = restored;
      life.heard = 0;
    }
    if (life.heard > member.store.revision) return;
    life.heard = this.#oracle.hear(member.identity.name, member.store, life.heard);
  }

  #watch(): void {
    for (const watcher of this.#watchers) {
      watcher.verify(this.#oracle);
      const member = this.#watched.get(watcher);
      const life = member === undefined ? undefined : this.#cluster.lifeOf(member);
      if (watcher.isConnected && (life === undefined || this.#chance.oneIn(400))) watcher.disconnect();
      if (watcher.isConnected) {
        if (this.#chance.oneIn(100) && life?.isAsleep === false) watcher.askProgress();
        continue;
      }
      const { awake } = this.#cluster;
      if (awake.length === 0 || !this.#chance.oneIn(5)) continue;
      const next = this.#chance.pick(awake);
      this.#watched.set(watcher, next);
      watcher.connect(next);
    }
  }

  async #until(condition: () => boolean, what: string, ticksMax: number): Promise<void> {
    for (let ticks = 0; !condition(); ticks++) {
      if (ticks >= ticksMax)
        this.#violate('Liveness', `after ${ticksMax} healthy ticks still not: ${what}; ${this.#describe()}`);
      await this.#pass();
    }
  }

  /** A majority without faults accepts writes within its time, through each of its members. */
  async #progress(): Promise<void> {
    const { seats } = this.#cluster;
    const majority: Seat[] = seats.filter(({ life }) => life !== undefined);
    const down = seats.filter(({ life }) => life === undefined);
    while (majority.length * 2 <= seats.length) {
      const [seat] = down.splice(this.#chance.below(down.length), 1);
      if (seat !== undefined) majority.push(seat);
    }
    for (const seat of majority) this.#cluster.start(seat);
    const open = new Set(majority);
    const began = this.#time.now;
    const [prober] = this.#clients;
    for (const seat of majority) {
      const attempt = async (): Promise<void> => {
        while (open.has(seat)) {
          const member = seat.life?.isStopping === false ? seat.life.member : undefined;
          // A member that was stopping may be on its way out yet.
          if (seat.life === undefined) this.#cluster.start(seat);
          if (member === undefined || prober === undefined) await this.#clients[0]?.sleep(5);
          else if (await prober.probe(member)) open.delete(seat);
          else await prober.sleep(1);
        }
      };
      void attempt();
    }
    await this.#until(
      () => open.size === 0,
      `a majority of ${majority.map(({ name }) => name).join(' ')} accepts writes`,
      progressTicks,
    );
    this.#trace.say(`progress after ${this.#time.now - began} ticks`);
  }

  #isSettled(): boolean {
    const { lives, seats } = this.#cluster;
    for (const seat of seats) if (seat.life === undefined) this.#cluster.start(seat);
    if (lives.length < seats.length) return false;
    const states = lives.map(({ member, isStopping }) =>
      member === undefined || isStopping
        ? undefined
        : [member.status().applied, member.status().leader, member.store.revision].join(' '),
    );
    return states[0] !== undefined && states.every((state) => state === states[0]);
  }

  #nobodyWaits(): boolean {
    const waiting = this.#cluster.awake.some(({ metrics }) => metrics.commandsPending + metrics.readsPending > 0);
    return !waiting && this.#ledger.counts().open === 0;
  }

  /** Nobody keeps a lease alive any more: all end, through the log. */
  async #leasesEnd(): Promise<void> {
    await this.#until(
      () => this.#cluster.awake.every(({ store }) => store.leases().length === 0) && this.#isSettled(),
      'leases that nobody keeps alive end',
      2 * leaseTicksMax + patienceTicks,
    );
  }

  async #agree(): Promise<void> {
    this.#ledger.check(this.#oracle);
    this.#ledger.close();
    const revision = this.#oracle.revision;
    const expected = this.#oracle.range('\0', '\u0100', revision);
    for (const member of this.#cluster.awake) {
      const { name } = member.identity;
      // From the beginning once more: nothing may have changed behind what was heard.
      this.#oracle.hear(name, member.store, 0);
      const all = member.store.range(rangeOf('\0', '\0'));
      if (member.store.revision !== revision) {
        this.#violate('KnownLogOracle', `${name} ends at revision ${member.store.revision}, applied were ${revision}`);
      }
      const none = new Uint8Array(0);
      const isEqual =
        all.kind === 'range' &&
        all.kvs.length === expected.length &&
        expected.every(({ kv }, at) => sameBytes(kv ?? none, all.kvs[at] ?? none));
      if (!isEqual) this.#violate('KnownLogOracle', `${name} ends with other pairs than the history`);
    }
    const asked = this.#cluster.awake.map((member) => member.hashKv(revision));
    const rosters = this.#cluster.awake.map((member) => JSON.stringify(member.members(), (_, value) => String(value)));
    if (new Set(rosters).size > 1)
      this.#violate('EqualHash', `the members know each other differently: ${rosters.join(', ')}`);
    const hashes = await this.#within(Promise.all(asked), 'checksums are computed');
    const sums = hashes.map((result) => ('hash' in result ? `${result.hash} ${result.compactRevision}` : 'none'));
    if (new Set(sums).size > 1)
      this.#violate('EqualHash', `the members end with different checksums: ${sums.join(', ')}`);
    await this.#until(
      () => this.#watchers.every(({ through, ahead }) => ahead === 0 && through >= this.#lastTold()),
      'every watcher has been told everything',
      patienceTicks,
    );
    this.#checkDisks();
    this.#stop();
  }

  /** Watchers are told of the last revision by events or, once they ask, by progress. */
  #lastTold(): number {
    for (const watcher of this.#watchers) if (watcher.isConnected && this.#chance.oneIn(20)) watcher.askProgress();
    return this.#oracle.revision;
  }

  /** What is left on the disks is bounded by what must be kept, not by what was written. */
  #checkDisks(): void {
    for (const { name, disk, life } of this.#cluster.seats) {
      const files = disk.files().filter(([path]) => !path.endsWith('.torn'));
      const segments = files.filter(([path]) => path.startsWith(`/${name}/wal/`) && path.endsWith('.wal')).length;
      const snapshots = files.filter(([path]) => path.startsWith(`/${name}/snapshots/`)).map(([path]) => path);
      this.#trace.say(`${name} has ${segments} segments and ${snapshots.length} snapshots`);
      if (snapshots.length > 1)
        this.#violate('BoundedDisk', `${name} keeps snapshots that nobody needs: ${snapshots.join(' ')}`);
      const kept = life?.member === undefined ? 0 : this.#keptBytes();
      const most = 6 + Math.ceil(kept / this.#plan.segmentBytes);
      if (segments > most)
        this.#violate('BoundedDisk', `${name} keeps ${segments} segments of the log, ${most} are enough`);
    }
  }

  #keptBytes(): number {
    const { catchUpEntries = 5000 } = this.#plan.settings;
    const perEntry = 2 * (this.#plan.valueBytes + 200);
    return Math.min(this.#oracle.revision * 3 + 200, catchUpEntries * 2 + 100) * perEntry;
  }

  /** Stops everybody as SIGTERM does and starts them again: the same state is there. */
  async #restartInOrder(): Promise<void> {
    const { seats } = this.#cluster;
    const revision = this.#oracle.revision;
    for (const seat of seats) this.#cluster.stop(seat, true);
    await this.#until(() => seats.every(({ life }) => life === undefined), 'an orderly stop ends', patienceTicks);
    for (const seat of seats) this.#cluster.start(seat);
    await this.#until(() => this.#isSettled(), 'every member is back and holds the same', patienceTicks);
    for (const { store, identity } of this.#cluster.awake) {
      if (store.revision !== revision) {
        this.#violate(
          'DurableKept',
          `${identity.name} was stopped at revision ${revision} and comes back with ${store.revision}`,
        );
      }
    }
  }

  async #within<T>(promise: Promise<T>, what: string): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    await this.#until(() => isSettled, what, patienceTicks);
    return await promise;
  }

  #describe(): string {
    return this.#cluster.seats
      .map(({ name, life }) => {
        if (life === undefined) return `${name} down`;
        if (life.member === undefined) return `${name} opening`;
        const { term, leader, commit, applied } = life.member.status();
        const { revision } = life.member.store;
        const stopping = life.isStopping ? ', stopping' : '';
        return `${name} term ${term}, leader ${leader}, commit ${commit}, applied ${applied}, revision ${revision}${stopping}`;
      })
      .join('; ');
  }

  #report(): Report {
    const { acknowledged, failed, unknown } = this.#ledger.counts();
    const watched = this.#watchers.map(({ counts }) => counts);
    const faults = Object.values(this.#nemesis.counts).reduce((sum, count) => sum + count, 0);
    const counts = {
      revisions: this.#oracle.revision,
      acknowledged,
      failed,
      unknown,
      faults,
      ...this.#cluster.counts,
      watched: watched.reduce((sum, { events }) => sum + events, 0),
      resumed: watched.reduce((sum, { resumes }) => sum + resumes, 0),
    };
    return { counts, traceHash: this.#trace.hash };
  }
}
