// After the faults: a majority is healed and must make progress, then everybody is, and all must agree with each other and
// with what clients were told.

import { rangeOf } from '@kontiki/kv/testing';
import type { RunningMember } from '@kontiki/member';
import type { NodeId } from '@kontiki/raft';
import { checkBoundedDisk } from './checkers/bounded-disk.ts';
import { sameBytes } from './checkers/bytes.ts';
import type { CheckerName, ReportViolation } from './checkers/names.ts';
import { isQuorum } from './checkers/quorums.ts';
import type { Cluster } from './cluster.ts';
import { electionTicksOf, ticksPerSecond } from './plan.ts';
import { bearTheDeaf, handOver } from './reigns.ts';
import type { Seat } from './seat.ts';
import type { World } from './world.ts';

/** A command waits at most about that long for its answer; then nobody waits any more. */
const patienceTicks = 1000;
const probePatienceTicks = 80;
const leaseTicksMax = 4 * ticksPerSecond;

export class Ending {
  readonly #world: World;
  readonly #cluster: Cluster;

  constructor(world: World) {
    this.#world = world;
    this.#cluster = world.cluster;
  }

  async play(): Promise<void> {
    const { seats } = this.#cluster;
    await this.#progress();
    for (const seat of seats) this.#cluster.start(seat);
    await this.#giveUpLost();
    await this.#until(() => this.#isSettled(), 'every member runs and holds the same', 2 * patienceTicks);
    await this.#until(() => this.#nobodyWaits() && this.#isSettled(), 'every call is answered', 2 * patienceTicks);
    await this.#leasesEnd();
    await this.#agree();
    // Without pre-votes a member that hears nobody does depose the leader.
    if (this.#world.plan.settings.preVote !== false) await bearTheDeaf(this.#world);
    await this.#until(() => this.#isSettled(), 'every member hears the others again and holds the same', patienceTicks);
    await handOver(this.#world);
    if (this.#world.chance.oneIn(2)) await this.#restartInOrder();
  }

  /** A majority without faults accepts writes within its time, through each of its members. */
  async #progress(): Promise<void> {
    const { seats } = this.#cluster;
    const { chance, trace, time, plan } = this.#world;
    const majority: Seat[] = seats.filter(({ life }) => life !== undefined);
    const down = seats.filter(({ life }) => life === undefined);
    // Where members have changed, which configuration is in force shows only when they talk: all that may be, must be served.
    const isUp = (node: NodeId): boolean => majority.some((seat) => seat.node === node);
    const isEnough = (): boolean =>
      down.length === 0 ||
      (this.#cluster.hasChanged
        ? seats.every(({ configurations }) => configurations.every((configuration) => isQuorum(configuration, isUp)))
        : majority.length * 2 > seats.length);
    const heal = (): void => {
      while (!isEnough()) {
        for (const seat of down.splice(chance.below(down.length), 1)) {
          majority.push(seat);
          this.#cluster.start(seat);
        }
      }
    };
    heal();
    const open = new Set(majority);
    const began = time.now;
    for (const seat of majority) void this.#probe(seat, open);
    await this.#until(
      () => {
        const strangers = this.#strangers();
        for (const seat of open) if (seat.isRetired || strangers.includes(seat)) open.delete(seat);
        // A change that was asked for before takes effect now: what it needs is healed as well.
        heal();
        return open.size === 0;
      },
      `a majority of ${majority.map(({ name }) => name).join(' ')} accepts writes`,
      // Elections may take two seconds, and a member that lacks the whole log may get it in messages of an entry each.
      Math.max(15 * ticksPerSecond, 15 * electionTicksOf(plan)),
    );
    trace.say(`progress after ${time.now - began} ticks`);
  }

  async #probe(seat: Seat, open: Set<Seat>): Promise<void> {
    const { calls, time } = this.#world;
    const sleep = (ticks: number): Promise<void> => new Promise((resolve) => void time.after(ticks, resolve));
    while (open.has(seat)) {
      // A member that was stopping may be on its way out yet.
      if (seat.life === undefined) this.#cluster.start(seat);
      const { name } = seat;
      const outcome = await calls.make({
        kind: 'put',
        client: 'probe',
        seat: name,
        patience: probePatienceTicks,
        key: 'probe',
        bytes: 0,
        lease: 0,
      });
      if (outcome === 'acknowledged') open.delete(seat);
      else await sleep(5);
    }
  }

  #isSettled(): boolean {
    for (const seat of this.#strangers()) this.#cluster.retire(seat);
    for (const seat of this.#cluster.seats) if (seat.life === undefined) this.#cluster.start(seat);
    const { lives } = this.#cluster;
    const states = lives.map(({ member, isStopping }) => {
      if (member === undefined || isStopping) return undefined;
      const { applied, leader } = member.status();
      return `${applied} ${leader} ${member.store.revision}`;
    });
    return states[0] !== undefined && states.every((state) => state === states[0]);
  }

  /** Members whose machines are gone can be removed, and stay away. */
  async #giveUpLost(): Promise<void> {
    const { trace } = this.#world;
    let asked: RunningMember | undefined;
    const over = (error?: unknown): void => {
      asked = undefined;
      if (error !== undefined) trace.say(`a lost member was not removed: ${String(error)}`);
    };
    const isGivenUp = (): boolean => {
      const { lost, leader, awake } = this.#cluster;
      const [first] = lost;
      if (first === undefined) return true;
      // Whoever was asked may have been removed itself, and answers no more.
      if (asked !== undefined && awake.includes(asked)) return false;
      asked = leader?.life?.member ?? awake[0];
      asked?.removeMember(first.id).then(() => over(), over);
      return false;
    };
    await this.#until(isGivenUp, 'members whose machines are gone are removed', 2 * patienceTicks);
  }

  /** Machines that no member counts as one, as far as the last leader's committed word goes. */
  #strangers(): readonly Seat[] {
    const { hasChanged, seats, leader } = this.#cluster;
    const now = leader?.life?.member?.status();
    const configuration = leader?.life?.status?.configuration;
    if (!hasChanged || now === undefined || configuration === undefined || now.applied < now.commit) return [];
    const { voters, outgoing, learners } = configuration;
    return seats.filter(({ node }) => ![voters, outgoing, learners].some((part) => part.includes(node)));
  }

  #nobodyWaits(): boolean {
    const waiting = this.#cluster.awake.some(({ metrics }) => metrics.commandsPending + metrics.readsPending > 0);
    return !waiting && this.#world.ledger.counts().open === 0;
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
    const { ledger, oracle, watchers, history } = this.#world;
    ledger.check(oracle);
    ledger.close();
    const verdict = history.judge((value) => ledger.revisionOf(Number(value)));
    if (verdict.kind !== 'linearizable') this.#fail('Linearizability', verdict.text);
    const revision = oracle.revision;
    const expected = oracle.range('\0', '\u0100', revision);
    for (const member of this.#cluster.awake) {
      const { name } = member.identity;
      // From the beginning once more: nothing may have changed behind what was heard.
      oracle.hear(name, member.store, 0);
      const all = member.store.range(rangeOf('\0', '\0'));
      if (member.store.revision !== revision) {
        this.#fail('KnownLogOracle', `${name} ends at revision ${member.store.revision}, applied were ${revision}`);
      }
      const none = new Uint8Array(0);
      const isEqual =
        all.kind === 'range' &&
        all.kvs.length === expected.length &&
        expected.every(({ kv }, at) => sameBytes(kv ?? none, all.kvs[at] ?? none));
      if (!isEqual) this.#fail('KnownLogOracle', `${name} ends with other pairs than the history`);
    }
    const asked = this.#cluster.awake.map((member) => member.hashKv(revision));
    const rosters = this.#cluster.awake.map((member) =>
      JSON.stringify(member.members(), (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
    );
    if (new Set(rosters).size > 1) {
      this.#fail('EqualHash', `the members know each other differently: ${rosters.join(', ')}`);
    }
    const hashes = await this.#within(Promise.all(asked), 'checksums are computed');
    const sums = hashes.map((result) => ('hash' in result ? `${result.hash} ${result.compactRevision}` : 'none'));
    if (new Set(sums).size > 1) {
      this.#fail('EqualHash', `the members end with different checksums: ${sums.join(', ')}`);
    }
    await this.#until(
      () => watchers.every(({ through, ahead }) => ahead === 0 && through >= this.#lastTold()),
      'every watcher has been told everything',
      patienceTicks,
    );
    this.#checkDisks();
    this.#world.stop();
  }

  /** Watchers are told of the last revision by events or, once they ask, by progress. */
  #lastTold(): number {
    const { watchers, chance, oracle } = this.#world;
    for (const watcher of watchers) if (watcher.isConnected && chance.oneIn(20)) watcher.askProgress();
    return oracle.revision;
  }

  /** What is left on the disks is bounded by what must be kept, not by what was written. */
  #checkDisks(): void {
    const { plan, trace } = this.#world;
    for (const { name, disk, life } of this.#cluster.seats) {
      const files = disk.files().filter(([path]) => !path.endsWith('.torn'));
      const segments = files.filter(([path]) => path.startsWith(`/${name}/wal/`) && path.endsWith('.wal')).length;
      const snapshots = files.filter(([path]) => path.startsWith(`/${name}/snapshots/`)).map(([path]) => path);
      trace.say(`${name} has ${segments} segments and ${snapshots.length} snapshots`);
      const kept = life?.member === undefined ? 0 : this.#keptBytes();
      const segmentsMax = 6 + Math.ceil(kept / plan.segmentBytes);
      const report: ReportViolation = (checker, text) => this.#fail(checker, text);
      checkBoundedDisk(report, name, { snapshots, segments, segmentsMax });
    }
  }

  #keptBytes(): number {
    const { plan, oracle } = this.#world;
    const { catchUpEntries = 5000 } = plan.settings;
    const perEntry = 2 * (plan.valueBytes + 200);
    return Math.min(oracle.revision * 3 + 200, catchUpEntries * 2 + 100) * perEntry;
  }

  /** Stops everybody as SIGTERM does and starts them again: the same state is there. */
  async #restartInOrder(): Promise<void> {
    const { seats } = this.#cluster;
    const { revision } = this.#world.oracle;
    for (const seat of seats) this.#cluster.stop(seat, true);
    await this.#until(() => seats.every(({ life }) => life === undefined), 'an orderly stop ends', patienceTicks);
    for (const seat of seats) this.#cluster.start(seat);
    await this.#until(() => this.#isSettled(), 'every member is back and holds the same', patienceTicks);
    for (const { store, identity } of this.#cluster.awake) {
      if (store.revision !== revision) {
        const text = `${identity.name} was stopped at revision ${revision} and comes back with ${store.revision}`;
        this.#fail('DurableKept', text);
      }
    }
  }

  async #until(condition: () => boolean, what: string, ticksMax: number): Promise<void> {
    for (let ticks = 0; !condition(); ticks++) {
      if (ticks >= ticksMax) {
        this.#fail('Liveness', `after ${ticksMax} healthy ticks still not: ${what}; ${this.#describe()}`);
      }
      await this.#world.pass();
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

  #fail(checker: CheckerName, text: string): never {
    return this.#world.fail(checker, text);
  }

  #describe(): string {
    return this.#cluster.seats
      .map(({ name, life }) => {
        if (life === undefined) return `${name} down`;
        if (life.member === undefined || life.status === undefined) return `${name} opening`;
        const { term, leader, commit, applied } = life.status;
        const { revision } = life.member.store;
        const stopping = life.isStopping ? ', stopping' : '';
        return `${name} term ${term}, leader ${leader}, commit ${commit}, applied ${applied}, revision ${revision}${stopping}`;
      })
      .join('; ');
  }
}
