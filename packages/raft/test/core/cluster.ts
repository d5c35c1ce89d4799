// A hostile little world for the core: messages are lost, doubled and reordered, nodes lose power with what was not
// synced, disks and state machines are slow, snapshots fail. All chance comes from one seed. After every step the node's
// own invariants and the properties of figure 3 are checked from outside, by an observer that forgets nothing.

import assert from 'node:assert/strict';
import type {
  Applicable,
  Configuration,
  HardState,
  Index,
  Input,
  LogId,
  Message,
  NodeId,
  Options,
  Persist,
  SnapshotMeta,
  Term,
  Verdict,
} from '../../src/core/api.ts';
import { members } from '../../src/core/configuration.ts';
import { canonicalHash } from '../../src/core/dump.ts';
import { checkState, checkTransition, observe } from '../../src/core/invariants.ts';
import { createRaftWith, load, type RaftCore } from '../../src/core/raft.ts';
import { paperRules, type Rules } from '../../src/core/rules.ts';
import { Chance } from './chance.ts';
import { type Disk, written } from './model-disk.ts';
import { keyOf, nameOf, Observer } from './observer.ts';

interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly state: string;
}

interface Machine {
  index: Index;
  state: string;
}

class Server {
  readonly id: NodeId;
  boot = 0;
  core: RaftCore | undefined;
  /** Survives power loss. */
  disk: Disk;
  /** Written, in order, but not yet known to be on the platter. */
  unsynced: Persist[] = [];
  flight: Persist | undefined;
  persistedThrough = 0;
  gated: { readonly after: number; readonly messages: readonly Message[] }[] = [];
  snapshots: Snapshot[] = [];
  machine: Machine = { index: 0 as Index, state: '' };
  /** A state machine that keeps itself on disk restarts from here; one in memory from its snapshot. */
  durableMachine: Machine | undefined;
  toApply: Applicable[] = [];
  received = new Map<string, Snapshot>();
  skew = 0;
  reads = new Map<number, Index>();

  constructor(id: NodeId, disk: Disk) {
    this.id = id;
    this.disk = disk;
  }
}

interface InFlight {
  readonly message: Message;
}

export interface Faults {
  readonly loss: number;
  readonly doubling: number;
  readonly reordering: number;
  readonly crashes: number;
  readonly partitions: number;
  readonly slowDisk: number;
  readonly slowApply: number;
  readonly campaigns: number;
  readonly transfers: number;
  readonly compaction: number;
  readonly pauses: number;
  /** Changes of the members: any voters and learners of all servers, asked of a leader or of anybody. */
  readonly changes: number;
  readonly skew: boolean;
}

export interface ClusterOptions {
  readonly seed: number;
  readonly configuration: Configuration;
  /** Servers besides, which start without a configuration. */
  readonly spares: readonly NodeId[];
  readonly faults: Faults;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseReads: boolean;
  readonly smallLimits: boolean;
  readonly rules?: Rules;
  readonly reload?: boolean;
  /** False leaves judgement to the observer outside: for rules that are wrong on purpose. */
  readonly ownInvariants?: boolean;
}

const electionTicks = 5;
const networkMax = 40;

const noConfiguration: Configuration = { voters: [], outgoing: [], learners: [], addresses: [] };

export class Cluster {
  readonly #options: ClusterOptions;
  readonly chance: Chance;
  readonly servers: Server[];
  readonly network: InFlight[] = [];
  #cut = new Set<string>();
  #proposals = 0;
  #readIds = 0;
  #healed = false;
  readonly #events: readonly (readonly [number, (server: Server) => void])[];
  readonly #weight: number;
  readonly #diligence: number;
  #kindTurns = 0;

  readonly #observer: Observer;
  readonly counts = {
    reads: 0,
    crashes: 0,
    restores: 0,
    changes: 0,
    refusals: 0,
    lost: 0,
  };

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.chance = new Chance(options.seed);
    this.#observer = new Observer(options.configuration, (id) => this.#server(id).disk);
    const { configuration, spares } = options;
    const ids = [...members(configuration), ...spares].sort();
    const last = { term: 0 as Term, index: 0 as Index };
    const hardState: HardState = { term: 0 as Term, votedFor: undefined, commit: 0 as Index };
    this.servers = ids.map((id) => {
      const base: SnapshotMeta = { last, configuration: spares.includes(id) ? noConfiguration : configuration };
      return new Server(id, { hardState, base, entries: [] });
    });
    this.#events = this.#drawEvents();
    this.#weight = this.#events.reduce((sum, [weight]) => sum + weight, 0);
    this.#diligence = this.chance.pick([0.2, 0.6, 1]);
    for (const server of this.servers) {
      server.snapshots = [{ meta: server.disk.base, state: '' }];
      if (this.chance.often(0.5)) server.durableMachine = { index: 0 as Index, state: '' };
      if (options.faults.skew) server.skew = this.chance.next() * 0.5;
      this.#start(server);
    }
  }

  get happened(): Readonly<Record<string, number>> {
    return { ...this.counts, ...this.#observer.counts };
  }

  get commitIndex(): Index {
    return this.#observer.commitIndex;
  }

  #coreOptions(server: Server): Options {
    const { preVote, checkQuorum, leaseReads, smallLimits, seed } = this.#options;
    const { hardState, base, entries } = server.disk;
    const place = this.servers.indexOf(server);
    return {
      id: server.id,
      electionTicks,
      heartbeatTicks: 1,
      preVote,
      checkQuorum,
      leaseReads,
      limits: smallLimits
        ? { inflightMessages: 2, messageBytes: 150, uncommittedBytes: 1000, logBytes: 2500, applyBytes: 120 }
        : { inflightMessages: 16, messageBytes: 4000, uncommittedBytes: 1e6, logBytes: 1e6, applyBytes: 4000 },
      draw: (_purpose, counter, below) =>
        new Chance(seed * 7919 + place * 104729 + server.boot * 1299709 + counter).below(below),
      restore: { hardState, base, entries, applied: server.machine.index },
    };
  }

  #start(server: Server): void {
    server.boot += 1;
    const machine = server.durableMachine;
    // A machine on disk that is behind the base must be restored, as must one in memory.
    const usable = machine !== undefined && machine.index >= server.disk.base.last.index;
    server.machine = usable ? { ...machine } : { index: 0 as Index, state: '' };
    server.core = createRaftWith(this.#coreOptions(server), this.#options.rules ?? paperRules);
    this.#afterStep(server, undefined);
  }

  /** Power loss: any suffix of what was not synced is gone, a torn batch as a whole. */
  crash(server: Server): void {
    const keep = this.chance.below(server.unsynced.length + 1);
    for (const write of server.unsynced.slice(0, keep)) server.disk = written(server.disk, write);
    server.unsynced = [];
    server.flight = undefined;
    server.persistedThrough = 0;
    server.gated = [];
    server.toApply = [];
    server.reads.clear();
    server.core = undefined;
    this.counts.crashes += 1;
  }

  step(server: Server, input: Input): Verdict {
    const { core } = server;
    assert.ok(core !== undefined);
    const before = observe(core.node);
    const verdict = core.step(input);
    this.#afterStep(server, before);
    return verdict;
  }

  /** The driver's part: drains `ready` in the only order that is safe. */
  drain(server: Server): void {
    const { core } = server;
    if (core === undefined) return;
    const before = observe(core.node);
    const ready = core.ready();
    this.#afterStep(server, before);
    if (ready === undefined) return;
    for (const message of ready.send) this.#post(message);
    if (ready.persist !== undefined) {
      assert.equal(server.flight, undefined, 'two writes are out at a time');
      const { hardState, entries } = ready.persist;
      const last = written(written(server.disk, { ...ready.persist, entries: [], base: undefined }), ready.persist);
      const end = entries.at(-1)?.index ?? last.entries.at(-1)?.index ?? last.base.last.index;
      if (hardState !== undefined && server.unsynced.length === 0) {
        assert.ok(hardState.commit <= end, `commit ${hardState.commit} beyond the log it is written with (${end})`);
      }
      server.flight = ready.persist;
      server.unsynced.push(ready.persist);
    }
    if (ready.afterPersist !== undefined) {
      const { after, messages } = ready.afterPersist;
      if (server.persistedThrough >= after) for (const message of messages) this.#post(message);
      else server.gated.push({ after, messages });
    }
    server.toApply.push(...ready.apply);
    for (const wanted of ready.snapshotsWanted) this.#stream(server, wanted);
    for (const read of ready.reads) {
      const floor = server.reads.get(read.readId);
      if (floor === undefined) continue;
      server.reads.delete(read.readId);
      if ('lost' in read) {
        this.counts.lost += 1;
        continue;
      }
      this.counts.reads += 1;
      assert.ok(
        read.index >= floor,
        `stale read at ${server.id}: index ${read.index}, but ${floor} was committed before`,
      );
      assert.ok(server.machine.index >= read.index, 'a read is served before its index is applied');
    }
  }

  finishWrite(server: Server): void {
    const { flight, core } = server;
    if (flight === undefined || core === undefined) return;
    server.flight = undefined;
    if (flight.sync) {
      for (const write of server.unsynced) server.disk = written(server.disk, write);
      server.unsynced = [];
      server.persistedThrough = flight.id;
    }
    // Between the end of the write and the news of it, what waited may leave.
    server.gated = server.gated.filter(({ after, messages }) => {
      if (server.persistedThrough < after) return true;
      for (const message of messages) this.#post(message);
      return false;
    });
    this.step(server, { kind: 'persisted', through: flight.id });
  }

  applySome(server: Server): void {
    const count = 1 + this.chance.below(server.toApply.length);
    for (const item of server.toApply.splice(0, count)) this.#apply(server, item);
    if (server.durableMachine !== undefined && this.chance.often(0.3)) server.durableMachine = { ...server.machine };
    this.step(server, { kind: 'applied', through: server.machine.index });
  }

  #apply(server: Server, item: Applicable): void {
    const { machine } = server;
    if (item.kind === 'restore') {
      const { last } = item.snapshot;
      assert.ok(last.index > machine.index, 'a restore goes forward');
      const snapshot = server.snapshots.find(({ meta }) => meta.last.index === last.index);
      assert.ok(snapshot !== undefined, `${server.id} restores snapshot ${last.index}, which it does not have`);
      assert.equal(snapshot.meta.last.term, last.term);
      server.machine = { index: last.index, state: snapshot.state };
      if (server.durableMachine !== undefined) server.durableMachine = { ...server.machine };
      this.counts.restores += 1;
    } else {
      assert.equal(item.entry.index, machine.index + 1, 'entries are applied in order, each once');
      machine.index = item.entry.index;
      machine.state = canonicalHash([machine.state, keyOf(item.entry)]);
    }
    this.#observer.sawState(server.id, server.machine);
  }

  /** Takes a snapshot of what is applied and lets the log go up to some point before it. */
  compact(server: Server): void {
    const { core, machine, disk } = server;
    if (core === undefined || machine.index <= disk.base.last.index || server.toApply[0]?.kind === 'restore') return;
    const status = core.status();
    if (machine.index < status.first - 1 || machine.index > status.applied) return;
    const meta = core.metaAt(machine.index);
    server.snapshots.push({ meta, state: machine.state });
    const through = machine.index as number;
    this.step(server, { kind: 'compacted', through: through as Index });
  }

  #stream(from: Server, to: NodeId): void {
    const { core, machine } = from;
    if (core === undefined) return;
    const status = core.status();
    const failed = this.chance.often(0.3) || machine.index < status.first - 1 || machine.index > status.applied;
    if (failed) {
      this.step(from, { kind: 'snapshotFailed', to });
      return;
    }
    const meta = core.metaAt(machine.index);
    from.snapshots.push({ meta, state: machine.state });
    this.#server(to).received.set(nameOf(meta.last), { meta, state: machine.state });
    this.step(from, { kind: 'snapshotSent', to, snapshot: meta });
  }

  #server(id: NodeId): Server {
    const server = this.servers.find((other) => other.id === id);
    assert.ok(server !== undefined);
    return server;
  }

  #post(message: Message): void {
    const { loss, doubling } = this.#options.faults;
    if (this.#cut.has(`${message.from}>${message.to}`)) return;
    if (!this.#healed && this.chance.often(loss)) return;
    this.network.push({ message });
    if (!this.#healed && this.chance.often(doubling)) this.network.push({ message });
  }

  deliver(): void {
    const far = !this.#healed && this.chance.often(this.#options.faults.reordering);
    const at = far ? this.chance.below(this.network.length) : 0;
    const [next] = this.network.splice(at, 1);
    if (next === undefined) return;
    const { message } = next;
    const server = this.#server(message.to);
    if (server.core === undefined || this.#cut.has(`${message.from}>${message.to}`)) return;
    if (message.kind === 'installSnapshot') {
      const snapshot = server.received.get(nameOf(message.snapshot.last));
      if (snapshot === undefined) return;
      server.snapshots.push(snapshot);
    }
    this.step(server, { kind: 'receive', message });
  }

  tick(server: Server, elapsed: number): void {
    if (server.core !== undefined) this.step(server, { kind: 'tick', elapsed });
  }

  propose(server: Server): void {
    if (server.core === undefined) return;
    this.#proposals += 1;
    const text = `${server.id}:${this.#proposals}`;
    const verdict = this.step(server, { kind: 'propose', data: Buffer.from(text) });
    if (verdict.kind === 'refused') this.counts.refusals += 1;
  }

  read(server: Server): void {
    if (server.core === undefined) return;
    this.#readIds += 1;
    server.reads.set(this.#readIds, this.commitIndex);
    const mode = this.chance.often(0.5) ? 'lease' : 'readIndex';
    const verdict = this.step(server, { kind: 'read', readId: this.#readIds, mode });
    if (verdict.kind === 'refused') server.reads.delete(this.#readIds);
  }

  partition(): void {
    this.#cut.clear();
    if (this.chance.often(0.4)) return;
    const oneWay = this.chance.often(0.3);
    const sides = new Map(this.servers.map(({ id }) => [id, this.chance.below(2)]));
    for (const from of this.servers) {
      for (const to of this.servers) {
        const apart = oneWay ? this.chance.often(0.3) : sides.get(from.id) !== sides.get(to.id);
        if (apart) this.#cut.add(`${from.id}>${to.id}`);
      }
    }
  }

  /** One unkind event, then most drivers take a turn. Now and then the world is kind for a while, or nothing would ever happen. */
  event(): void {
    const { chance, servers } = this;
    if (this.#kindTurns > 0) {
      this.#kindTurns -= 1;
      this.#kindTurn();
      return;
    }
    if (chance.often(0.02)) this.#kindTurns = chance.below(40);
    let dice = chance.next() * this.#weight;
    for (const [weight, act] of this.#events) {
      dice -= weight;
      if (dice >= 0) continue;
      act(chance.pick(servers));
      break;
    }
    for (const server of servers) if (chance.often(this.#diligence)) this.drain(server);
  }

  /** A turn in which most things work: enough to elect, to commit, and to be caught in the middle of it by the next blow. */
  #kindTurn(): void {
    const { chance, servers } = this;
    const lazy = chance.pick(servers);
    for (const server of servers) {
      if (server.core === undefined && chance.often(0.1)) this.#start(server);
      if (server.core === undefined || server === lazy) continue;
      if (chance.often(0.5)) this.#tickSome(server);
      if (chance.often(0.9)) this.finishWrite(server);
      if (server.toApply.length > 0 && chance.often(0.5)) this.applySome(server);
      this.drain(server);
    }
    for (let count = chance.below(12); count > 0; count -= 1) this.deliver();
    if (chance.often(0.4)) this.#proposeAtLeader(lazy);
    if (chance.often(0.2)) this.read(chance.pick(servers));
    if (chance.often(0.2 * this.#options.faults.changes)) this.change(lazy);
  }

  /** What can happen, how often; every run draws its own mixture, so that some runs are all elections and some all crashes. */
  #drawEvents(): (readonly [number, (server: Server) => void])[] {
    const { chance, servers } = this;
    const { faults } = this.#options;
    const mixed = (weight: number): number => weight * chance.pick([0.2, 1, 1, 4]);
    const alive = (act: (server: Server) => void): ((server: Server) => void) => {
      return (server) => (server.core === undefined ? undefined : act(server));
    };
    return [
      [mixed(40), () => this.#deliverSome()],
      [mixed(25), alive((server) => this.#tickSome(server))],
      [mixed(25) * (1 - faults.slowDisk), (server) => this.finishWrite(server)],
      [mixed(8) * (1 - faults.slowApply), alive((server) => server.toApply.length > 0 && this.applySome(server))],
      [mixed(6), (server) => this.#proposeAtLeader(server)],
      [mixed(4), (server) => this.read(server)],
      [mixed(2) * faults.crashes, alive((server) => this.crash(server))],
      [mixed(2) * faults.crashes, alive((server) => server.flight !== undefined && this.#blink(server))],
      [mixed(1) * faults.crashes, () => this.#crashLeader()],
      [mixed(6) * faults.crashes, (server) => server.core === undefined && this.#start(server)],
      [mixed(1) * faults.partitions, () => this.partition()],
      [mixed(3) * faults.campaigns, alive((server) => this.step(server, { kind: 'campaign' }))],
      // Two timers run out together.
      [mixed(3) * faults.campaigns, () => this.#collide()],
      [mixed(5) * faults.changes, (server) => this.change(server)],
      [mixed(1) * faults.transfers, alive((server) => this.#transfer(server))],
      [mixed(1) * faults.compaction, alive((server) => this.compact(server))],
      [mixed(0.5), alive((server) => this.step(server, { kind: 'unreachable', peer: chance.pick(servers).id }))],
      [mixed(0.5) * faults.pauses, alive((server) => this.#pause(server))],
      [this.#options.reload === true ? 2 : 0, alive((server) => this.reload(server))],
    ];
  }

  #deliverSome(): void {
    // A network that holds more than this has lost the rest: old news only would be no test of anything.
    while (this.network.length > networkMax) this.network.splice(this.chance.below(this.network.length), 1);
    for (let count = 1 + this.chance.below(4); count > 0; count -= 1) this.deliver();
  }

  #proposeAtLeader(server: Server): void {
    const leaders = this.servers.filter((other) => other.core?.status().role === 'leader');
    this.propose(leaders.length > 0 && this.chance.often(0.8) ? this.chance.pick(leaders) : server);
  }

  #collide(): void {
    for (const server of this.servers) {
      if (server.core === undefined || this.chance.often(0.5)) continue;
      this.step(server, { kind: 'campaign' });
      this.drain(server);
      if (this.chance.often(0.7)) this.finishWrite(server);
    }
  }

  /** Power fails in the middle of a write and is back at once: what was said before it was durable is said again. */
  #blink(server: Server): void {
    this.crash(server);
    this.#start(server);
    if (this.chance.often(0.5)) this.step(server, { kind: 'campaign' });
  }

  /** A leader dies with its last entries on some followers only, which is how histories begin to differ (figure 7, 8). */
  #crashLeader(): void {
    const leader = this.servers.find((server) => server.core?.status().role === 'leader');
    if (leader === undefined) return;
    this.propose(leader);
    this.drain(leader);
    for (let count = this.chance.below(4); count > 0; count -= 1) this.deliver();
    this.crash(leader);
    if (this.chance.often(0.7)) this.#start(leader);
  }

  /** Any members instead of those of now; the answer is the core's to give. */
  change(server: Server): void {
    const { chance } = this;
    const at = chance.often(0.9) ? (this.#leader() ?? server) : server;
    if (at.core === undefined) return;
    const { configuration } = at.core.status();
    const ids = this.servers.map(({ id }) => id);
    // Now and then everybody at once; mostly one server comes or goes.
    const odds = chance.pick([0, 0, 0.3, 1]);
    const one = chance.pick(ids);
    const flips = (id: NodeId): boolean => id === one || chance.often(odds);
    const voters = ids.filter((id) => configuration.voters.includes(id) !== flips(id));
    const learners = ids.filter((id) => !voters.includes(id) && chance.often(0.2));
    const verdict = this.step(at, {
      kind: 'changeConfiguration',
      to: { voters, outgoing: [], learners, addresses: [] },
    });
    if (verdict.kind === 'accepted') this.counts.changes += 1;
    this.drain(at);
  }

  #leader(): Server | undefined {
    const leaders = this.servers.filter((server) => server.core?.status().role === 'leader');
    return leaders.length > 0 ? this.chance.pick(leaders) : undefined;
  }

  #transfer(server: Server): void {
    const leader = this.servers.find((other) => other.core?.status().role === 'leader') ?? server;
    this.step(leader, { kind: 'transferLeadership', to: this.chance.pick(this.servers).id });
  }

  /** A process that was stopped. With leases, whose clocks agree, time passes for all. */
  #pause(server: Server): void {
    if (this.#options.leaseReads) for (const each of this.servers) this.tick(each, 15);
    else this.tick(server, 5 + this.chance.below(30));
  }

  #tickSome(server: Server): void {
    if (this.#options.leaseReads) {
      // The lease's assumption: clocks run alike. Each is at most a tick late with the news.
      for (const each of this.servers) this.tick(each, 1);
    } else if (!this.chance.often(server.skew)) {
      this.tick(server, 1);
    }
  }

  /** Goes on from a dump: nobody can tell. */
  reload(server: Server): void {
    const { core } = server;
    if (core === undefined) return;
    const dump = core.dump();
    const again = load(dump, this.#coreOptions(server), this.#options.rules ?? paperRules);
    assert.equal(canonicalHash(again.dump()), canonicalHash(dump), 'a loaded node dumps what it was loaded from');
    server.core = again;
  }

  /** No more faults: everybody runs, everything arrives. */
  heal(): void {
    this.#healed = true;
    this.#cut.clear();
    for (const server of this.servers) if (server.core === undefined) this.#start(server);
  }

  /** Runs a healed cluster until a new proposal is applied everywhere; fails after `turns` turns of one tick each. */
  converge(turns: number): void {
    const target = `heal:${this.#options.seed}`;
    let proposed: LogId | undefined;
    for (let turn = 0; turn < turns; turn += 1) {
      for (const server of this.servers) this.tick(server, 1);
      this.#settle();
      const leader = this.servers.find((server) => server.core?.status().role === 'leader');
      if (leader?.core === undefined) continue;
      const lost = proposed !== undefined && leader.core.node.log.termAt(proposed.index) !== proposed.term;
      if (proposed === undefined || lost) {
        const verdict = this.step(leader, { kind: 'propose', data: Buffer.from(target) });
        proposed = verdict.kind === 'accepted' ? verdict.at : undefined;
        if (verdict.kind === 'refused' && verdict.reason === 'overloaded')
          for (const each of this.servers) this.compact(each);
        continue;
      }
      const { index } = proposed;
      if (this.#switchOffRemoved(leader.core)) continue;
      if (this.servers.every(({ core, machine }) => core === undefined || machine.index >= index)) return;
    }
    assert.fail(`no progress in ${turns} turns after healing: ${this.describe()}`);
  }

  /** What an operator does with servers that were removed. Answers whether a change is still under way. */
  #switchOffRemoved({ node }: RaftCore): boolean {
    const { index, configuration } = node.log.newestConfiguration;
    if (configuration.outgoing.length > 0 || index > node.commit) return true;
    for (const server of this.servers) {
      if (server.core !== undefined && !members(configuration).includes(server.id)) this.crash(server);
    }
    return false;
  }

  #settle(): void {
    for (let round = 0; round < 40; round += 1) {
      let busy = false;
      for (const server of this.servers) {
        this.drain(server);
        if (server.flight !== undefined) this.finishWrite(server);
        if (server.toApply.length > 0) this.applySome(server);
        const { core } = server;
        if (this.#options.smallLimits && core !== undefined && core.node.log.bytes > 1000) this.compact(server);
      }
      for (let count = this.network.length; count > 0; count -= 1) {
        busy = true;
        this.deliver();
      }
      if (!busy) return;
    }
  }

  describe(): string {
    return this.servers
      .map(({ id, core, machine }) => {
        if (core === undefined) return `${id} down`;
        const { role, term, leader, first, last, durable, commit } = core.status();
        return `${id} ${role} t${term} of ${leader} log ${first}..${last.index}/t${last.term} durable ${durable} commit ${commit} machine ${machine.index}`;
      })
      .join('; ');
  }

  #afterStep(server: Server, before: ReturnType<typeof observe> | undefined): void {
    const { core } = server;
    assert.ok(core !== undefined);
    if (this.#options.ownInvariants !== false) {
      checkState(core.node);
      if (before !== undefined) checkTransition(before, core.node);
    }
    this.#observer.sawStep(core, before?.last);
  }
}
